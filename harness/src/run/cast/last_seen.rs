//! The moment of the last event that a story waited for. The next fault is timed from it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A shared, settable moment.
#[derive(Clone, Default)]
pub(in crate::run) struct LastSeen(Arc<Mutex<Option<Instant>>>);

impl LastSeen {
    /// Moves the moment forward to `at`; never back.
    pub(in crate::run) fn note(&self, at: Instant) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(last.map_or(at, |l| l.max(at)));
    }

    /// True if the moment is at most `span` ago: a fault that is timed from it may be about to happen.
    pub(in crate::run) fn within(&self, span: Duration) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|at| at.elapsed() < span)
    }

    /// Takes the moment: a fault is measured from an event of its own, not from an older one's.
    pub(in crate::run) fn take(&self) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
