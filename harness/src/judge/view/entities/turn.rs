//! A turn, its rows and its texts.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Attempt, Epoch, Expect, MessageId, PodName, Status, TurnId};
use crate::judge::view::at::At;
use crate::judge::view::entities::thread::Owned;
use crate::judge::view::entities::watcher::Showing;
use crate::judge::view::text::Text;

/// A turn, and all that is known of it.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) id: &'a TurnId,
    /// Place of its thread. `None` for a turn that only a watcher or a read has shown.
    pub(crate) thread: Option<usize>,
    /// Its place among its thread's turns, where it has a row.
    pub(crate) order: Option<usize>,
    pub(crate) message: Option<&'a MessageId>,
    pub(crate) expect: Option<&'a Expect>,
    /// When its message was first posted.
    pub(crate) posted: Option<At>,
    /// When a post was first answered with it.
    pub(crate) accepted: Option<At>,
    pub(crate) rows: Vec<TurnRow<'a>>,
    /// When its row was first removed, and by which transaction, unless the same transaction made it anew.
    pub(crate) gone: Option<(At, u64)>,
    /// True if it was stopped, and the system says of a turn that was stopped that it completed.
    pub(crate) is_stopped: bool,
    /// Its owners in commit order, where each turn has its own.
    pub(crate) owners: Vec<Owned<'a>>,
    /// Parts by the epoch of the attempt that wrote them, as they came.
    pub(crate) parts: BTreeMap<Epoch, Vec<PartRow<'a>>>,
    /// When each epoch's first text was seen, by a watcher or in the store.
    pub(crate) first_text: BTreeMap<Epoch, At>,
    /// The provider's calls for its key, in the order of their start.
    pub(crate) calls: Vec<usize>,
    /// When anything was stored of it, in microseconds since the run began, in order.
    pub(crate) moves_us: Vec<u64>,
    /// The text that readers are owed: the parts of the newest attempt that are still stored; or else, of a completed turn, the
    /// first final reading of it. `None` if neither is known.
    pub(crate) durable: Option<Text<'a>>,
    /// The attempt that the answer is of: the newest row's epoch; or else the provider call in the stored text, or the newest
    /// call. Texts name their attempt in the same way.
    pub(crate) attempt: Epoch,
    /// For each attempt the longest text that anything held of it; the durable one for the attempt that completed.
    pub(crate) references: BTreeMap<Epoch, Text<'a>>,
}

impl<'a> Turn<'a> {
    /// From when on a fault can have touched it. Its first row reaches the history some time after the
    /// commit, and its post came before that.
    pub(crate) fn asked(&self) -> Option<At> {
        self.posted.or(self.rows.first().map(|row| row.at))
    }

    /// As [`Turn::asked`], in microseconds since the run began.
    pub(crate) fn asked_us(&self) -> u64 {
        self.asked().map_or(0, |at| at.us)
    }

    /// Its first terminal row.
    pub(crate) fn terminal(&self) -> Option<&TurnRow<'a>> {
        self.rows.iter().find(|row| row.status.is_terminal())
    }

    /// True if it ended with its whole answer, by the system's word. A turn that was stopped has not, whatever the word.
    pub(crate) fn is_completed(&self) -> bool {
        let is_said = self.terminal().is_some_and(|row| row.status == Status::Completed);
        is_said && !self.is_stopped
    }

    /// True if `showing` must equal the stored text in the end. True for a completed turn; otherwise only if
    /// `showing` belongs to the last attempt, since a pod that fails a turn in another one's place stores
    /// nothing and need not take anything back.
    pub(crate) fn settles(&self, showing: &Showing<'_>) -> bool {
        let is_over = self.terminal().is_some();
        is_over && (self.is_completed() || showing.epoch == Some(self.attempt))
    }

    /// How often it had been claimed by the time of a row.
    pub(crate) fn claims_until(&self, row: &TurnRow<'_>) -> usize {
        let until = self
            .rows
            .iter()
            .filter(|before| before.at <= row.at && before.epoch.0 > 0);
        let claims: BTreeSet<Epoch> = until.map(|row| row.epoch).collect();
        claims.len()
    }

    /// Epoch of its newest attempt; 0 before the first.
    pub(crate) fn epoch(&self) -> Epoch {
        self.rows.last().map_or(Epoch(0), |row| row.epoch)
    }

    /// The attempt whose text can change no more: that of a completed turn, if its stored text is known.
    pub(crate) fn settled(&self) -> Option<Epoch> {
        (self.is_completed() && self.durable.is_some()).then_some(self.attempt)
    }

    /// The oracle, if the turn completed and the provider was not told to fail.
    pub(crate) fn oracle(&self) -> Option<&Expect> {
        self.expect.filter(|expect| !expect.fails && self.is_completed())
    }
}

/// A turn's row after a change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TurnRow<'a> {
    pub(crate) at: At,
    pub(crate) xid: u64,
    pub(crate) status: Status,
    pub(crate) owner: Option<&'a PodName>,
    pub(crate) attempt: Option<&'a Attempt>,
    /// The row's epoch, or the number of its newest claim where there are no epochs; 0 before the first.
    pub(crate) epoch: Epoch,
}

/// A part's row as it was added.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PartRow<'a> {
    pub(crate) n: u64,
    pub(crate) xid: u64,
    pub(crate) seq: u64,
    pub(crate) text: &'a str,
}
