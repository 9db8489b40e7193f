//! Takeovers: each attempt that was taken from its owner, by a peer or by the owner itself, and its
//! justification.
//!
//! A takeover is justified if the owner, or something that it depends on, was broken when it lost the turn or shortly
//! before; or if the turn had stood still for as long as the system allows. Rows reach the history a little after
//! their commit, so a stand-still is measured generously. Provider calls do not count as moves: the new owner's
//! own call begins before its claim is recorded.
//!
//! A turn may be released first, and be claimed later: its row then says for a while that nobody owns it. The release is what
//! counts, since whoever claims a turn that nobody owns takes it from nobody. No row says who released it. An owner that gives its
//! turn back, in a drain say, has hung up its provider call by then. One that loses its turn to a peer goes on until it finds out,
//! at its next heartbeat or write; if it finds out before the row is read, it passes for an owner that gave the turn back.

use crate::history::{PodName, Status};
use crate::judge::view::{At, Call, Owned, ROW_LATENESS_US, Turn, View};

/// Longest distance between the rows of one transaction in the history, in microseconds.
pub(crate) const ONE_TRANSACTION_US: u64 = 1_000;

/// Longest time, in microseconds, from the row of a turn that its owner gives back to the end of the owner's call: the provider
/// notices a little later that its client is gone.
const HANGS_UP_WITHIN_US: u64 = 100_000;

/// An attempt that was taken from its owner.
pub(crate) struct Takeover<'v, 'a> {
    pub(crate) thread: usize,
    pub(crate) turn: &'v Turn<'a>,
    /// The thread's row under the owner that lost it.
    pub(crate) from: &'v Owned<'a>,
    /// The thread's row as the new owner claimed it.
    pub(crate) to: &'v Owned<'a>,
    /// When `from` lost it: the row that released the turn, or else the claim.
    pub(crate) lost: At,
    /// How long the turn had stood still when its owner lost it, in microseconds.
    pub(crate) still_us: u64,
}

impl Takeover<'_, '_> {
    /// True if nobody owned the turn in between.
    fn was_released(&self) -> bool {
        self.lost < self.to.at
    }

    /// True if it had a reason: something was broken for the owner, or the turn stood still.
    pub(crate) fn is_justified(&self, view: &View<'_>) -> bool {
        may_be_taken(view, self.from.owner, self.lost.us, self.still_us)
    }

    /// True if the owner gave the turn back itself: it had no call of the provider under way any more when the turn was released.
    fn is_given_back(&self, view: &View<'_>) -> bool {
        let is_own = |call: &&Call<'_>| call.pod.is_none() || call.pod == self.from.owner;
        let calls = self.turn.calls.iter().map(|call| &view.calls[*call]);
        self.was_released() && !calls.filter(is_own).any(|call| goes_on_after(call, self.lost))
    }
}

/// True if a call was under way at a moment, and went on for longer than its client needs to hang up. One that the provider ends itself by
/// the time that the row of that moment may have been late is over.
fn goes_on_after(call: &Call<'_>, moment: At) -> bool {
    let slack_us = match call.cause {
        None | Some("client_gone") => HANGS_UP_WITHIN_US,
        Some(_) => ROW_LATENESS_US,
    };
    let is_begun = call.started.is_some_and(|at| at.us <= moment.us);
    is_begun && call.ended.is_none_or(|at| at.us > moment.us + slack_us)
}

/// Takeovers by a peer that nothing justifies: the owner did not give the turn back, nothing was broken for it, and the turn moved.
pub(crate) fn by_a_peer<'v, 'a>(view: &'v View<'a>) -> Vec<Takeover<'v, 'a>> {
    let of_all = view.turns.iter().flat_map(|turn| of_turn(view, turn));
    of_all
        .filter(|takeover| takeover.from.owner != takeover.to.owner)
        .filter(|takeover| !takeover.is_given_back(view) && !takeover.is_justified(view))
        .collect()
}

/// Attempts that an owner began anew without a reason: it had not given the turn back, nothing was broken, the turn moved, and the
/// provider had ended no call of it that could explain another one.
pub(crate) fn by_its_owner<'v, 'a>(view: &'v View<'a>) -> Vec<Takeover<'v, 'a>> {
    let of_each = view.turns.iter().flat_map(|turn| {
        let own = of_turn(view, turn)
            .into_iter()
            .filter(|takeover| takeover.from.owner == takeover.to.owner && !takeover.is_given_back(view));
        own.enumerate()
            .filter(|(before, takeover)| *before >= ended_by_provider(view, turn, takeover.to.at.us + ROW_LATENESS_US))
            .map(|(_, takeover)| takeover)
            .collect::<Vec<_>>()
    });
    of_each.filter(|takeover| !takeover.is_justified(view)).collect()
}

/// Counts the calls for a turn that the provider had ended by itself at a moment.
fn ended_by_provider(view: &View<'_>, turn: &Turn<'_>, by_us: u64) -> usize {
    let calls = turn.calls.iter().map(|call| &view.calls[*call]);
    calls
        .filter(|call| call.ended.is_some_and(|at| at.us <= by_us) && call.cause != Some("client_gone"))
        .count()
}

/// True if a turn that stood still for that long may be taken from its owner at that moment, or ended.
pub(crate) fn may_be_taken(view: &View<'_>, owner: Option<&PodName>, at_us: u64, still_us: u64) -> bool {
    let bounds = view.bounds;
    let stood_still = still_us + ROW_LATENESS_US >= bounds.progress_ms * 1000;
    let aftermath_us = (bounds.lease_ms + bounds.takeover_ms) * 1000 + ROW_LATENESS_US;
    let owner = owner.map(PodName::as_str);
    // A pod that gets a CPU again renews its lease at once: starvation is a reason for no longer than a lease.
    let starved_us = bounds.lease_ms * 1000 + ROW_LATENESS_US;
    stood_still
        || view.is_broken(owner, at_us.saturating_sub(aftermath_us), at_us)
        || view.is_excused(owner, at_us.saturating_sub(starved_us), at_us)
}

/// How long a turn had stood still at a moment, not counting the rows of that moment, in microseconds.
pub(crate) fn still_us(turn: &Turn<'_>, at_us: u64) -> u64 {
    let moved = turn.moves_us.partition_point(|us| us + ONE_TRANSACTION_US < at_us);
    moved.checked_sub(1).map_or(0, |last| at_us - turn.moves_us[last])
}

fn of_turn<'v, 'a>(view: &'v View<'a>, turn: &'v Turn<'a>) -> Vec<Takeover<'v, 'a>> {
    let Some(thread) = turn.thread else { return Vec::new() };
    let owners = view.owners(turn);
    let pairs = turn.rows.iter().zip(turn.rows.iter().skip(1));
    // A claim need not change the turn's own row: the next one that is written then tells of it.
    let is_held = |owned: &Owned<'_>| owned.owner.is_some() && owned.status == Status::InProgress;
    let raised = pairs.filter(|(before, after)| before.epoch.0 > 0 && after.epoch > before.epoch);
    let takeovers = raised.filter_map(|(before, after)| {
        let claimed = owners.partition_point(|owned| owned.epoch < after.epoch);
        let to = owners.get(claimed).filter(|owned| owned.epoch == after.epoch)?;
        if after.status != Status::InProgress && !is_held(to) {
            return None;
        }
        // A turn may first be released, by its owner or by a peer, and then be claimed: its last owner lost it.
        let held = owners[..claimed].iter().rposition(is_held)?;
        let from = Some(&owners[held]).filter(|owned| owned.epoch == before.epoch)?;
        let lost = owners[held + 1].at;
        Some(Takeover {
            thread,
            turn,
            from,
            to,
            lost,
            still_us: still_us(turn, lost.us),
        })
    });
    takeovers.collect()
}
