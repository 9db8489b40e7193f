//! Promise 24: an owner's death costs its clients a bounded time.
//!
//! What is timed is the service, not the provider: a provider that was told to hold the stream or to answer slowly must
//! not count. So a takeover is proven by whichever of these comes first: text of a newer epoch, the turn's terminal, or,
//! once a newer epoch is committed, the start of the new owner's provider call. An owner that owned nothing in progress
//! has nothing taken over; one that was woken before the bound may simply go on; and a new owner that is hit in its turn
//! starts a clock of its own. Where the history ends before the bound, nothing is proven either way.
//!
//! A graceful stop may use its whole grace, so its clock starts when the grace is over, or when the process is gone should
//! that take longer; whose turn it was is read when the pod was told to stop.

use super::Promise;
use super::view::{At, Breach, FaultSpan, Owned, Thread, Turn, View};
use crate::history::{Capability, Status};

pub(crate) const PROMISE: Promise = Promise {
    number: 24,
    name: "BoundedTakeover",
    statement: "from the death or pause of a turn's owner to the first new token, the new owner's provider call or an explicit \
                end, no more than the target's bound passes; after a graceful stop, no more from the end of its grace",
    needs: &[Capability::Ownership],
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for fault in view.faults.iter() {
        breaches.extend((0..view.threads.len()).filter_map(|thread| check(view, fault, thread)));
    }
    breaches
}

/// When the owner stopped to be one: the moment its turns are read at, and the time that the bound counts from. None for
/// faults that leave an owner at work, or whose effect was never seen.
fn stopped(view: &View<'_>, fault: &FaultSpan<'_>) -> Option<(At, u64)> {
    match fault.name {
        "kill" | "pause" => fault.observed.map(|observed| (observed, observed.us)),
        "terminate" => {
            let grace_over_us = fault.aimed.us + view.bounds.drain_ms * 1000;
            Some((fault.aimed, fault.observed.map_or(grace_over_us, |gone| gone.us.max(grace_over_us))))
        }
        _ => None,
    }
}

fn check(view: &View<'_>, fault: &FaultSpan<'_>, place: usize) -> Option<Breach> {
    let (stopped, from_us) = stopped(view, fault)?;
    let bound_ms = view.bounds.takeover_ms;
    let thread = &view.threads[place];
    let rows_before = thread.owners.partition_point(|owned| owned.at.n < stopped.n);
    let owned = thread.owners[..rows_before].last()?;
    if owned.status != Status::InProgress || owned.owner.map(|pod| pod.as_str()) != Some(fault.target) {
        return None;
    }
    let by_us = view.faults.deadline(from_us, bound_ms * 1000, None, &view.pods)?;
    if fault.is_pause() && fault.healed.is_some_and(|healed| healed.us <= by_us) {
        return None;
    }
    let turn = running_turn(view, thread, stopped)?;
    let claim = thread.owners[rows_before..].iter().find(|later| later.epoch > owned.epoch);
    let resolved = [
        turn.terminal().map(|row| row.at),
        turn.first_text.range(owned.epoch..).filter(|(epoch, _)| **epoch > owned.epoch).map(|(_, at)| *at).min(),
        claim.and_then(|claim| proof_of_work(view, turn, claim, stopped)),
    ];
    let resolved = resolved.into_iter().flatten().min_by_key(|at| at.us);
    let breach = |n: u64, got: String| {
        let subject = format!("turn {} of {} at epoch {}", turn.id, fault.target, owned.epoch);
        let expected = format!("a takeover within {bound_ms} ms after the {}", fault.name);
        Some(Breach { subject, thread: Some(place), n, expected, got })
    };
    match resolved {
        Some(at) if at.us <= by_us => None,
        Some(at) => breach(at.n, format!("after {} ms", at.us.saturating_sub(from_us) / 1000)),
        None if view.watched_until_us() > by_us => {
            let waited_ms = (view.watched_until_us() - from_us) / 1000;
            let claimed = claim.map_or("no newer epoch".into(), |claim| format!("only a claim by {}", claim.label()));
            breach(stopped.n, format!("{claimed} in {waited_ms} ms"))
        }
        None => None,
    }
}

/// The turn that the thread was at work on.
fn running_turn<'v, 'a>(view: &'v View<'a>, thread: &Thread<'a>, at: At) -> Option<&'v Turn<'a>> {
    let turns = thread.turns.iter().map(|place| &view.turns[*place]);
    let running = |turn: &&Turn<'_>| {
        let before = turn.rows.partition_point(|row| row.at.n < at.n);
        before > 0 && turn.rows[before - 1].status == Status::InProgress
    };
    turns.rev().find(running)
}

/// When a claim is known to have come to work: at the new owner's first provider call, or, where that owner was hit
/// before it could make one, at the claim.
fn proof_of_work(view: &View<'_>, turn: &Turn<'_>, claim: &Owned<'_>, stopped: At) -> Option<At> {
    let starts = turn.calls.iter().filter_map(|call| Some((&view.calls[*call], view.calls[*call].started?)));
    let ordinal_before =
        starts.clone().filter(|(_, at)| at.n < stopped.n).map(|(call, _)| call.ordinal).max().unwrap_or(0);
    let called = starts.filter(|(call, _)| call.ordinal > ordinal_before).map(|(_, at)| at).min();
    let owner = claim.owner?.as_str();
    let hit = view.faults.on(owner).any(|fault| fault.touches(claim.at.us, claim.at.us + view.bounds.takeover_ms * 1000));
    called.or_else(|| hit.then_some(claim.at))
}
