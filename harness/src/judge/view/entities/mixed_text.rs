//! Mixed texts: texts that hold anything but one provider call for their own turn.

use crate::history::{Epoch, PodName, TurnId};
use crate::judge::view::text::CallRun;

/// A text and the provider calls that it holds.
#[derive(Debug)]
pub(crate) struct MixedText<'a> {
    pub(crate) by: Holder<'a>,
    /// The turn that it should answer, and that turn's place if it is one of the thread.
    pub(crate) turn: &'a TurnId,
    pub(crate) place: Option<usize>,
    /// The thread that it was shown, stored or read in.
    pub(crate) thread: Option<usize>,
    /// The runs of tokens of one call, in order.
    pub(crate) call_runs: Vec<CallRun>,
}

/// The holder of a text.
#[derive(Debug)]
pub(crate) enum Holder<'a> {
    /// The store, or whoever held most of an attempt.
    Attempt(Epoch),
    /// A watcher, by its label.
    Screen(String),
    /// A thread as a pod returned it.
    Reading(&'a PodName),
}

impl MixedText<'_> {
    /// The holder, in words.
    pub(crate) fn holder(&self) -> String {
        match &self.by {
            Holder::Attempt(epoch) => format!("turn {}, attempt at epoch {epoch}", self.turn),
            Holder::Screen(watcher) => watcher.clone(),
            Holder::Reading(pod) => format!("thread read from {pod}"),
        }
    }
}
