//! A thread, and its row after each change.

use crate::history::{Attempt, Epoch, PodName, Status, TenantId, ThreadId};
use crate::judge::view::at::At;

/// A thread.
#[derive(Debug)]
pub(crate) struct Thread<'a> {
    pub(crate) id: &'a ThreadId,
    pub(crate) tenant: Option<&'a TenantId>,
    /// How the ids of its events end, behind epoch and number: what tells its cursors from another thread's. `None` if no
    /// watcher was shown any.
    pub(crate) mark: Option<&'a str>,
    /// Its turns, in the order in which their rows came to be.
    pub(crate) turns: Vec<usize>,
    /// Its row after each change, in commit order.
    pub(crate) owners: Vec<Owned<'a>>,
    /// When its row was first removed, and by which transaction, unless the same transaction made it anew.
    pub(crate) gone: Option<(At, u64)>,
    /// The cancels that were asked for on it, in order.
    pub(crate) cancels: Vec<usize>,
}

/// A thread's row, or a turn's where turns have owners of their own, after a change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owned<'a> {
    pub(crate) at: At,
    pub(crate) owner: Option<&'a PodName>,
    /// Its newest claim, in the system's own word.
    pub(crate) attempt: Option<&'a Attempt>,
    /// The epoch of the newest claim, or the claim's number where there are no epochs; 0 before the first.
    pub(crate) epoch: Epoch,
    pub(crate) status: Status,
}

impl Owned<'_> {
    /// `pod-2 at epoch 1`.
    pub(crate) fn label(&self) -> String {
        let owner = self.owner.map_or("nobody", PodName::as_str);
        format!("{owner} at epoch {}", self.epoch)
    }
}
