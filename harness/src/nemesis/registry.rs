//! Every fault, one line each. A fault that is not listed here cannot be found by users; a test compares folder and list.

use super::kind::FaultKind;
use super::{link, nats, pod, postgres, process, redis, resources, storage};

/// Every fault, by its place: processes, resources, pods, stores, volumes, links.
pub const FAULTS: &[&FaultKind] = &[
    &process::kill::FAULT,
    &process::terminate::FAULT,
    &process::stop::FAULT,
    &process::pause::FAULT,
    &resources::out_of_memory::FAULT,
    &resources::cpu_throttled::FAULT,
    &resources::descriptors_exhausted::FAULT,
    &pod::clock_shifted::FAULT,
    &pod::hold::FAULT,
    &pod::other_version::FAULT,
    &postgres::backends_terminated::FAULT,
    &postgres::connections_exhausted::FAULT,
    &postgres::empty::FAULT,
    &postgres::read_only::FAULT,
    &nats::stream_deleted::FAULT,
    &redis::flushed::FAULT,
    &storage::disk_full::FAULT,
    &storage::storage_wiped::FAULT,
    &link::fault::BLACKHOLE,
    &link::fault::RESET,
    &link::fault::LATENCY,
    &link::fault::BANDWIDTH,
    &link::fault::SLICE,
    &link::fault::CUT_AFTER,
    &link::fault::CUT_INSIDE,
    &link::fault::CUT_INSIDE_CHARACTER,
    &link::fault::HALF_OPEN,
    &link::fault::PACKET_LOSS,
    &link::fault::HOLD,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::kind::{FaultSite, On, Stored};
    use super::*;
    use crate::cluster::Role;
    use crate::history::Excuses;
    use crate::history::effect_by_name;

    fn site(role: Role, link: Option<&str>) -> FaultSite {
        FaultSite {
            role,
            stored: Stored {
                holds_log: role == Role::Nats,
                ..Stored::default()
            },
            link: link.map(str::to_owned),
        }
    }

    #[test]
    fn each_fault_has_a_name_of_its_own_and_a_sentence() {
        let names: BTreeSet<&str> = FAULTS.iter().map(|fault| fault.name).collect();
        assert_eq!(names.len(), FAULTS.len());
        for fault in FAULTS {
            assert!(fault.about.len() > 20 && !fault.about.ends_with('.'), "{}", fault.name);
        }
    }

    #[test]
    fn every_fault_that_a_file_states_is_listed() {
        let folder = crate::system::load::workspace::workspace_root().join("harness/src/nemesis");
        let mut stated = 0;
        let mut folders = vec![folder];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let text = std::fs::read_to_string(&path).expect("a source");
                    stated += text.matches(concat!(": FaultKind ", "=")).count();
                }
            }
        }
        assert_eq!(stated, FAULTS.len());
    }

    /// Histories of schema 5 tell a fault by its name: the same fault must be judged alike from either.
    #[test]
    fn the_effect_of_a_fault_is_what_its_name_meant() {
        let targets = [
            (Role::Pod, "pod-1"),
            (Role::Postgres, "postgres"),
            (Role::Nats, "nats"),
            (Role::Provider, "mock-ai"),
        ];
        for fault in FAULTS {
            match fault.on {
                On::Link => {
                    let name = format!("nats-{}", fault.name);
                    let stated = (fault.effect)(&site(Role::Pod, Some("nats")));
                    assert_eq!(stated, effect_by_name(&name, "pod-1"), "{name}");
                }
                On::Part(roles) => {
                    for (role, target) in targets.iter().filter(|(role, _)| roles.contains(role)) {
                        let stated = (fault.effect)(&site(*role, None));
                        assert_eq!(stated, effect_by_name(fault.name, target), "{} on {target}", fault.name);
                    }
                }
            }
        }
    }

    #[test]
    fn a_fault_of_what_all_pods_depend_on_excuses_all_of_them_and_no_other_does() {
        for fault in FAULTS {
            let On::Part(roles) = fault.on else {
                let stated = (fault.effect)(&site(Role::Pod, Some("edge")));
                assert_eq!(stated.excuses, Excuses::ItsTarget, "{}", fault.name);
                continue;
            };
            for role in roles {
                let excuses = (fault.effect)(&site(*role, None)).excuses;
                let is_everyones = excuses == Excuses::Everyone;
                assert_eq!(is_everyones, *role != Role::Pod, "{} on {role:?}", fault.name);
            }
        }
    }
}
