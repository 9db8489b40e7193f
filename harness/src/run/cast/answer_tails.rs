//! Tails that a play's posts opened.

use std::sync::{Arc, Mutex, PoisonError};

use crate::workload::Tail;

/// Tails that are themselves the answers to messages.
#[derive(Clone, Default)]
pub(in crate::run) struct AnswerTails(Arc<Mutex<Vec<Arc<Tail>>>>);

impl AnswerTails {
    /// Keeps a tail until the play's end.
    pub(in crate::run) fn keep(&self, tail: Tail) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::new(tail));
    }

    /// The tails that there are until now.
    pub(in crate::run) fn until_now(&self) -> Vec<Arc<Tail>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes all of them.
    pub(in crate::run) fn drain(&self) -> Vec<Arc<Tail>> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
