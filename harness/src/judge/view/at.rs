//! Place and time of an event.

use crate::history::Event;

/// Place and time of an event. Places order the events of one source; bounds are measured in times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    pub(crate) n: u64,
    pub(crate) us: u64,
}

impl At {
    pub(crate) fn of(event: &Event) -> Self {
        Self {
            n: event.n,
            us: event.at_us,
        }
    }
}

/// Time after the last event that a pod may use to clear up.
pub(crate) const CLEARING_UP_US: u64 = 1_000_000;
/// Least time of a quiet stretch that is judged, the time for clearing up left out.
pub(crate) const LEAST_QUIET_US: u64 = 2_500_000;

/// A stretch in which nothing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quiet {
    pub(crate) from: At,
    pub(crate) until: At,
}

impl Quiet {
    /// The stretch between two events, if it is long enough to be judged.
    pub(super) fn between(from: At, until: At) -> Option<Self> {
        (until.us.saturating_sub(from.us) >= CLEARING_UP_US + LEAST_QUIET_US).then_some(Self { from, until })
    }
}

/// Longest time from the commit of a row until it is in the history, in microseconds.
pub(crate) const ROW_LATENESS_US: u64 = 1_000_000;
