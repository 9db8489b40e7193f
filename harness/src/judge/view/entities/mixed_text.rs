//! A text that holds anything but one provider call for its own turn.

use crate::history::{Epoch, PodName, TurnId};
use crate::judge::view::text::CallRun;

/// A text and what is heard in it.
#[derive(Debug)]
pub(crate) struct MixedText<'a> {
    pub(crate) by: Holder<'a>,
    /// Whose answer it is meant to be, and the place of that turn, where there is such a one in the thread.
    pub(crate) turn: &'a TurnId,
    pub(crate) place: Option<usize>,
    /// The thread that it was shown, stored or read in.
    pub(crate) thread: Option<usize>,
    /// The calls heard in it, in order.
    pub(crate) call_runs: Vec<CallRun>,
}

/// Who holds a text.
#[derive(Debug)]
pub(crate) enum Holder<'a> {
    /// The store, or whatever held most of an attempt.
    Attempt(Epoch),
    /// A watcher, by its label.
    Screen(String),
    /// A thread as a pod told it.
    Reading(&'a PodName),
}

impl MixedText<'_> {
    /// Who holds it, in words.
    pub(crate) fn holder(&self) -> String {
        match &self.by {
            Holder::Attempt(epoch) => format!("turn {}, attempt at epoch {epoch}", self.turn),
            Holder::Screen(watcher) => watcher.clone(),
            Holder::Reading(pod) => format!("thread read from {pod}"),
        }
    }
}
