//! CPU load: which of the waits for a CPU other load than the system's explains.
//!
//! A system that keeps every processor busy starves itself, and nothing excuses that. Otherwise nobody is excused for longer than
//! the processors were busy with something else: clusters beside this one, the harness, a build, another machine of the host.
//! Histories of older harnesses tell of no load: there every wait is excused.

use crate::history::Load;
use crate::judge::view::View;
use crate::judge::view::at::At;
use crate::judge::view::slow::Stretch;

/// The load of a stretch, all processors together, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    /// Time that the processors had to give.
    capacity: u64,
    idle: u64,
    /// Time that the system's parts ran.
    own: u64,
    /// Time that threads of the system which take whatever they are given ran or waited.
    greedy: u64,
}

impl Sum {
    fn add(self, load: &Load) -> Self {
        let of = |part: fn(&crate::history::PartLoad) -> u64| load.parts.values().map(part).sum::<u64>();
        Self {
            capacity: self.capacity + load.over_us.saturating_mul(u64::from(load.processors)),
            idle: self.idle + load.idle_us,
            own: self.own + of(|part| part.ran_us),
            greedy: self.greedy + of(|part| part.greedy_us),
        }
    }

    /// Time for which other load used the processors, as far as it may excuse the system.
    fn foreign_us(self) -> u64 {
        if self.greedy >= self.capacity {
            return 0;
        }
        self.capacity.saturating_sub(self.idle).saturating_sub(self.own)
    }
}

impl View<'_> {
    /// Longest wait of a stretch that other load than the system's explains, in microseconds. Without a bound if the history does
    /// not tell of the load.
    pub(super) fn explained_us(&self, stretch: &Stretch<'_>) -> u64 {
        let begins_us = stretch.at.us.saturating_sub(stretch.over_us);
        let is_within = |(at, load): &&(At, &Load)| {
            let middle_us = at.us.saturating_sub(load.over_us / 2);
            (begins_us..=stretch.at.us).contains(&middle_us)
        };
        // A load is recorded just before the stretch that ends with it.
        let until = self.loads.partition_point(|(at, _)| at.n < stretch.at.n);
        let from = self.loads.partition_point(|(at, _)| at.us < begins_us);
        let within = self.loads[from.min(until)..until].iter().filter(is_within);
        let sum = within.fold(None, |sum: Option<Sum>, (_, load)| {
            Some(sum.unwrap_or_default().add(load))
        });
        sum.map_or(u64::MAX, Sum::foreign_us)
    }
}
