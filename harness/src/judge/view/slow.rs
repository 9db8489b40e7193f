//! CPU starvation: stretches of time in which somebody waited for a CPU, and a clock that stands still for as
//! long.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::judge::view::at::At;

/// A stretch of time, and how long each part waited in it for a CPU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch<'a> {
    /// Its end.
    pub(crate) at: At,
    pub(crate) over_us: u64,
    pub(crate) waited_us: &'a BTreeMap<String, u64>,
}

/// A step of time in which everything went slower, because somebody waited for a CPU.
#[derive(Debug)]
pub(super) struct Slow<'a> {
    pub(super) from_us: u64,
    pub(super) until_us: u64,
    /// Longest wait among the parts that all pods depend on, in thousandths of the step.
    pub(super) all: u64,
    /// Sum of the two longest waits among those parts: a pod speaks to a store through the fault proxy, so one
    /// beat of a pod waits for both.
    pub(super) behind: u64,
    /// Longest wait of each pod, in thousandths of the step.
    pub(super) pods: BTreeMap<&'a str, u64>,
}

impl Slow<'_> {
    /// Thousandths of the step in which a pod could not continue, because it or something that it depends on
    /// waited; without a pod, in which no pod may have continued.
    pub(super) fn share(&self, pod: Option<&str>) -> u64 {
        let own = match pod {
            Some(pod) => self.pods.get(pod).copied(),
            None => self.pods.values().max().copied(),
        };
        self.all.max(own.unwrap_or_default())
    }
}

/// When `bound_us` from `from_us` on is over for a pod, or for any pod, on a clock that stands still for as much
/// of each step as somebody waited in it.
pub(super) fn slowed(slow: &[Slow<'_>], from_us: u64, bound_us: u64, pod: Option<&str>) -> u64 {
    let (mut at_us, mut left_us) = (from_us, bound_us);
    for step in &slow[slow.partition_point(|step| step.until_us <= from_us)..] {
        let before_us = step.from_us.saturating_sub(at_us);
        if before_us >= left_us {
            break;
        }
        left_us -= before_us;
        at_us = at_us.max(step.from_us);
        let rate = 1000_u64.saturating_sub(step.share(pod));
        let counted_us = step.until_us.saturating_sub(at_us).saturating_mul(rate) / 1000;
        if counted_us >= left_us {
            return at_us.saturating_add(left_us.saturating_mul(1000) / rate);
        }
        left_us -= counted_us;
        at_us = at_us.max(step.until_us);
    }
    at_us.saturating_add(left_us)
}

impl Stretch<'_> {
    /// A part that waited for longer than the stretch began to wait before it.
    pub(super) fn begins_us(&self) -> u64 {
        self.at.us.saturating_sub(self.over_us.max(self.longest_us()))
    }

    pub(super) fn longest_us(&self) -> u64 {
        self.waited_us.values().max().copied().unwrap_or_default()
    }

    /// `waited for a CPU in the 1000 ms before event 17: pod-2 780 ms, nats 240 ms`.
    pub(super) fn describe(&self) -> String {
        let mut parts: Vec<(&str, u64)> = self.waited_us.iter().map(|(part, us)| (part.as_str(), *us)).collect();
        parts.sort_by_key(|(_, us)| Reverse(*us));
        let parts = parts.iter().map(|(part, us)| format!("{part} {} ms", us / 1000));
        let (parts, over_ms) = (parts.collect::<Vec<_>>().join(", "), self.over_us / 1000);
        format!(
            "waited for a CPU in the {over_ms} ms before event {}: {parts}",
            self.at.n
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Slow, slowed};

    #[test]
    fn a_clock_stands_still_for_as_long_as_somebody_waits() {
        let step = |from_us, until_us, all, pod| Slow {
            from_us,
            until_us,
            all,
            behind: all,
            pods: BTreeMap::from([("pod-1", pod)]),
        };
        let slow = [step(100, 200, 500, 0), step(300, 400, 0, 1000)];
        assert_eq!(slowed(&slow, 0, 100, None), 100, "over when it begins");
        assert_eq!(slowed(&slow, 0, 120, None), 140);
        assert_eq!(slowed(&slow, 0, 200, None), 250);
        assert_eq!(slowed(&slow, 150, 100, None), 275);
        assert_eq!(slowed(&slow, 0, 300, Some("pod-1")), 450);
        assert_eq!(slowed(&slow, 0, 300, Some("pod-2")), 350);
        assert_eq!(slowed(&slow, 350, 10, Some("pod-1")), 410);
        assert_eq!(slowed(&slow, 500, 10, None), 510);
        assert_eq!(slowed(&[], 500, u64::MAX, None), u64::MAX);
    }
}
