//! Takeovers: each attempt that was taken from its owner, by a peer or by the owner itself, and its
//! justification.
//!
//! A takeover is justified if the owner, or something that it depends on, was broken at the time or shortly
//! before; or if the turn had stood still for as long as the system allows. Rows reach the history a little after
//! their commit, so a stand-still is measured generously. Provider calls do not count as moves: the new owner's
//! own call begins before its claim is recorded.

use crate::history::{PodName, Status};
use crate::judge::view::{Owned, ROW_LATENESS_US, Turn, View};

/// Longest distance between the rows of one transaction in the history, in microseconds.
const ONE_TRANSACTION_US: u64 = 1_000;

/// An attempt that was taken from its owner.
pub(crate) struct Takeover<'v, 'a> {
    pub(crate) thread: usize,
    pub(crate) turn: &'v Turn<'a>,
    /// The thread's row under the owner that lost it.
    pub(crate) from: &'v Owned<'a>,
    /// The thread's row as the new owner claimed it.
    pub(crate) to: &'v Owned<'a>,
    /// True if nobody owned the turn in between: its owner may have given it back itself.
    pub(crate) was_released: bool,
    /// How long the turn had stood still when it was taken over, in microseconds.
    pub(crate) still_us: u64,
}

/// Takeovers by a peer that nothing justifies: nothing was broken for the owner, and the turn moved.
pub(crate) fn by_a_peer<'v, 'a>(view: &'v View<'a>) -> Vec<Takeover<'v, 'a>> {
    view.turns
        .iter()
        .flat_map(|turn| {
            let mut takeovers = of_turn(view, turn);
            takeovers.retain(|takeover| !takeover.was_released || !is_given_back(view, takeover));
            takeovers
        })
        .filter(|takeover| takeover.from.owner != takeover.to.owner)
        .filter(|takeover| !may_be_taken(view, takeover.from.owner, takeover.to.at.us, takeover.still_us))
        .collect()
}

/// Attempts that an owner began anew without a reason: nothing was broken, the turn moved, and the provider had
/// ended no call of it that could explain another one.
pub(crate) fn by_its_owner<'v, 'a>(view: &'v View<'a>) -> Vec<Takeover<'v, 'a>> {
    let of_each = view.turns.iter().flat_map(|turn| {
        let own = of_turn(view, turn)
            .into_iter()
            .filter(|takeover| takeover.from.owner == takeover.to.owner);
        own.enumerate()
            .filter(|(before, takeover)| *before >= ended_by_provider(view, turn, takeover.to.at.us + ROW_LATENESS_US))
            .map(|(_, takeover)| takeover)
            .collect::<Vec<_>>()
    });
    of_each
        .filter(|takeover| !may_be_taken(view, takeover.from.owner, takeover.to.at.us, takeover.still_us))
        .collect()
}

/// True if the provider ended a call of the owner that lost the turn: an owner gives such a turn back itself.
fn is_given_back(view: &View<'_>, takeover: &Takeover<'_, '_>) -> bool {
    let (from_us, until_us) = (takeover.from.at.us, takeover.to.at.us + ROW_LATENESS_US);
    let calls = takeover.turn.calls.iter().map(|call| &view.calls[*call]);
    let mut own = calls.filter(|call| call.pod.is_some() && call.pod == takeover.from.owner);
    own.any(|call| {
        let is_meanwhile = call.ended.is_some_and(|at| (from_us..=until_us).contains(&at.us));
        is_meanwhile && call.cause != Some("client_gone")
    })
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
    let raised = pairs.filter(|(before, after)| {
        before.epoch.0 > 0 && after.epoch > before.epoch && after.status == Status::InProgress
    });
    let takeovers = raised.filter_map(|(before, after)| {
        let claimed = owners.partition_point(|owned| owned.epoch < after.epoch);
        let to = owners.get(claimed).filter(|owned| owned.epoch == after.epoch)?;
        // A turn may first be taken from its owner alone, and then be claimed: its last owner lost it.
        let mut held = owners[..claimed].iter().rev();
        let from = held
            .find(|owned| owned.owner.is_some() && owned.status == Status::InProgress)
            .filter(|owned| owned.epoch == before.epoch)?;
        Some(Takeover {
            thread,
            turn,
            from,
            to,
            was_released: owners[..claimed].last().is_some_and(|owned| owned.owner.is_none()),
            still_us: still_us(turn, to.at.us),
        })
    });
    takeovers.collect()
}
