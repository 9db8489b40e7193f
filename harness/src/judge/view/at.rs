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

/// Longest time from the commit of a row until it is in the history, in microseconds.
pub(crate) const ROW_LATENESS_US: u64 = 1_000_000;
