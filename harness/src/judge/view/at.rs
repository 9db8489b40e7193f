//! Place and time of an event.

use crate::history::Event;

/// Place and time of an event. Places order what one source tells; times are what bounds are measured in.
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

/// How long after its commit a row may reach the history, at the very most.
pub(crate) const ROW_LATENESS_US: u64 = 1_000_000;
