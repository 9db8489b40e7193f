//! Promise 13: what was acknowledged is durable and comes to an end.
//!
//! A turn that has not ended when the history does is held against the system only if nothing excuses it: nothing has
//! moved for longer than a takeover may take, and the provider is not holding an answer back.

use super::Promise;
use super::view::{At, Breach, Turn, View};

pub(crate) const PROMISE: Promise = Promise {
    number: 13,
    name: "NoLostAck",
    statement: "every acknowledged message's turn is in the store and reaches a terminal status, even if the pod that \
                acknowledged it dies at once",
    needs: &[],
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let Some(quiesced) = view.ending.quiesced else { return Vec::new() };
    let accepted = view.turns.iter().filter_map(|turn| Some((turn, turn.accepted?)));
    accepted.filter_map(|(turn, accepted)| check(view, turn, accepted, quiesced)).collect()
}

fn check(view: &View<'_>, turn: &Turn<'_>, accepted: At, quiesced: At) -> Option<Breach> {
    let breach = |expected: &str, got: String| {
        let subject = format!("turn {}", turn.id);
        Some(Breach { subject, thread: turn.thread, n: accepted.n, expected: expected.to_owned(), got })
    };
    let Some(last) = turn.rows.last() else {
        return breach("a row of the acknowledged turn", "no row by the end of the history".into());
    };
    if turn.terminal().is_some() || is_held_by_provider(view, turn) {
        return None;
    }
    let still_us = quiesced.us.saturating_sub(last_move_us(view, turn, accepted));
    let bounds = view.bounds;
    if still_us <= (bounds.lease_ms + bounds.takeover_ms).max(bounds.progress_ms) * 1000 {
        return None;
    }
    breach("a terminal status", format!("{:?} for the last {} ms of the history", last.status, still_us / 1000))
}

/// Whether a call for the turn is still open: then it is the provider that everybody waits for.
fn is_held_by_provider(view: &View<'_>, turn: &Turn<'_>) -> bool {
    turn.calls.iter().any(|call| view.calls[*call].ended.is_none())
}

/// When anything last happened that brings this turn forward.
fn last_move_us(view: &View<'_>, turn: &Turn<'_>, accepted: At) -> u64 {
    let calls = turn.calls.iter().filter_map(|call| view.calls[*call].ended.or(view.calls[*call].started));
    let rows = turn.rows.iter().map(|row| row.at);
    let texts = turn.first_text.values().copied();
    // Work of the same thread that comes first, and whatever was broken meanwhile.
    let thread = turn.thread.and_then(|thread| view.threads[thread].owners.last()).map(|owned| owned.at);
    let heals = view.faults.iter().filter_map(|fault| fault.healed);
    calls.chain(rows).chain(texts).chain(thread).chain(heals).map(|at| at.us).fold(accepted.us, u64::max)
}
