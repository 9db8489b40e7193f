//! The effect of each fault of a history of schema 5 or older, in which faults had a name alone.
//!
//! These names are closed: faults that came later state their effect themselves.

use super::effect::{Effect, Ends, Excuses};

/// Links of a pod in those histories, each the beginning of the names of its faults.
const LINKS: [&str; 4] = ["postgres", "nats", "provider", "edge"];

/// Those faults that let nothing pass between a pod and the database.
const ISOLATING: [&str; 4] = [
    "postgres-blackhole",
    "postgres-half-open",
    "postgres-hold",
    "postgres-reset",
];

/// The effect of a fault by its name. Every pod of those histories is named `pod-N`; whatever else a fault is aimed at,
/// all pods depend on.
pub(crate) fn effect_by_name(name: &str, target: &str) -> Effect {
    if name.starts_with("hold at") {
        return Effect::excusing(Excuses::Nothing);
    }
    let excuses = if target.starts_with("pod-") {
        Excuses::ItsTarget
    } else {
        Excuses::Everyone
    };
    let plain = Effect::excusing(excuses);
    match name {
        "disk-full" if excuses == Excuses::Everyone => Effect {
            refuses_reads: true,
            refuses_writes: true,
            ..plain
        },
        "clock-shifted" | "other-version" | "disk-full" => Effect::excusing(Excuses::Nothing),
        "kill" | "out-of-memory" => Effect {
            ends: Ends::AtOnce,
            ..plain
        },
        "terminate" | "stop" => Effect {
            ends: Ends::InGoodOrder,
            ..plain
        },
        "storage-wiped" => Effect {
            ends: Ends::InGoodOrder,
            loses_log: true,
            ..plain
        },
        "stream-deleted" => Effect {
            loses_log: true,
            ..plain
        },
        "pause" => Effect { freezes: true, ..plain },
        "cpu-throttled" => Effect {
            throttles: true,
            ..plain
        },
        "connections-exhausted" => Effect {
            refuses_reads: true,
            refuses_writes: true,
            ..plain
        },
        "read-only" => Effect {
            refuses_writes: true,
            ..plain
        },
        _ => Effect {
            cuts_off: link_of(name),
            isolates: ISOLATING.contains(&name),
            ..plain
        },
    }
}

fn link_of(name: &str) -> Option<String> {
    let (link, _) = name.split_once('-')?;
    LINKS.contains(&link).then(|| link.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_a_pod_excuses_the_pod_and_one_of_a_part_everyone() {
        for (name, target, excuses) in [
            ("kill", "pod-2", Excuses::ItsTarget),
            ("kill", "postgres", Excuses::Everyone),
            ("nats-blackhole", "pod-1", Excuses::ItsTarget),
            ("backends-terminated", "postgres", Excuses::Everyone),
            ("hold at inside-drain", "pod-1", Excuses::Nothing),
            ("disk-full", "pod-1", Excuses::Nothing),
            ("disk-full", "nats", Excuses::Everyone),
        ] {
            assert_eq!(effect_by_name(name, target).excuses, excuses, "{name} on {target}");
        }
    }

    #[test]
    fn a_fault_of_a_link_is_told_by_the_link_before_its_kind() {
        for (name, link) in [
            ("postgres-half-open", Some("postgres")),
            ("edge-cut-inside-character", Some("edge")),
            ("stream-deleted", None),
            ("empty", None),
        ] {
            assert_eq!(effect_by_name(name, "pod-1").cuts_off.as_deref(), link, "{name}");
        }
    }
}
