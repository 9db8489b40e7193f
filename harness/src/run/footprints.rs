//! Footprints of the pods: what each pod's process holds while nothing is going on.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::slot::Slot;
use crate::cluster::Footprint;
use crate::history::PodName;
use crate::wait::{self, Look};

/// Interval between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// Number of looks in a row that must show as many descriptors as the look before.
const SAME_LOOKS: u32 = 4;
/// Longest that the number of descriptors is awaited to stay the same. A pod that never rests is for the judge.
const STEADY: Duration = Duration::from_secs(3);

/// The footprint of each pod, once no pod opens or closes a descriptor any more. A pod that is down, or not on this machine, is left out.
pub(super) async fn steady(slot: &Slot) -> BTreeMap<PodName, Footprint> {
    let looks = Mutex::new(Looks::default());
    let lock = || looks.lock().unwrap_or_else(PoisonError::into_inner);
    let steady = wait::until(
        "every pod to hold as many descriptors as before",
        STEADY,
        LOOK,
        || async {
            let now = slot.footprints();
            let seen = format!("{now:?}");
            if lock().note(now) >= SAME_LOOKS {
                Look::Done(())
            } else {
                Look::NotYet(seen)
            }
        },
    );
    if let Err(late) = steady.await {
        tracing::debug!(error = %late, "a pod does not rest");
    }
    looks.into_inner().unwrap_or_else(PoisonError::into_inner).least
}

/// Several looks at the pods.
#[derive(Default)]
struct Looks {
    /// The least that each pod was seen to hold: a pod may be at something when it is looked at.
    least: BTreeMap<PodName, Footprint>,
    /// Processes and descriptors at the last look.
    last: BTreeMap<PodName, (u32, Option<u64>)>,
    /// Number of looks in a row that were like the one before.
    same: u32,
}

impl Looks {
    /// Notes a look. Returns how many in a row were like the one before.
    fn note(&mut self, now: BTreeMap<PodName, Footprint>) -> u32 {
        let open = now
            .iter()
            .map(|(pod, seen)| (pod.clone(), (seen.process, seen.descriptors)));
        let open = open.collect();
        self.same = if open == self.last { self.same + 1 } else { 0 };
        self.last = open;
        for (pod, seen) in now {
            let least = self.least.entry(pod).or_insert(seen);
            *least = least.least(seen);
        }
        self.same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(descriptors: [u64; 2], memory_kib: u64) -> BTreeMap<PodName, Footprint> {
        let of = |descriptors| Footprint {
            process: 7,
            descriptors: Some(descriptors),
            memory_kib,
        };
        let [one, other] = descriptors;
        [("pod-1".into(), of(one)), ("pod-2".into(), of(other))].into()
    }

    #[test]
    fn looks_are_alike_if_every_pod_has_as_many_descriptors_and_the_least_counts() {
        let mut looks = Looks::default();
        let noted = [
            looks.note(look([20, 30], 900)),
            looks.note(look([20, 30], 950)),
            looks.note(look([20, 29], 950)),
            looks.note(look([20, 29], 800)),
            looks.note(look([21, 29], 900)),
        ];
        assert_eq!(noted, [0, 1, 0, 1, 0]);
        assert_eq!(looks.least, look([20, 29], 800));
    }

    #[test]
    fn nothing_that_can_be_read_stays_the_same() {
        let mut looks = Looks::default();
        assert_eq!(looks.note(BTreeMap::new()), 1);
        assert!(looks.least.is_empty());
    }
}
