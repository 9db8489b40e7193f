//! Promise 18: a turn that makes progress is not reaped.
//!
//! A reaper decides by the time of a turn's last move. If it looks at another turn's time, or at one from before
//! this turn began, it takes over, interrupts or fails a healthy turn. A failure counts as the reaper's only if
//! nothing else can explain it: nothing was cancelled, and either the attempt's provider call was neither failed
//! nor over and its owner whole, or the provider was never called and nothing was broken.

use crate::history::{Bound, Capability, PodName, Status};
use crate::judge::facts::unjustified_takeovers;
use crate::judge::view::{Breach, Turn, TurnRow, View};
use crate::judge::{Clause, Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 18,
    name: "ReaperSoundness",
    statement: "no turn is taken over, interrupted or failed for lack of progress before it has stood still for \
                the system's bound; one that waits to begin is not reaped at all",
    needs: &[
        Need::Can(Capability::Owner),
        Need::Can(Capability::EveryCommit),
        Need::Can(Capability::ProviderJournal),
    ],
    clauses: &[Clause {
        name: "a turn may be taken once it stands still",
        needs: &[Need::Within(Bound::Progress)],
    }],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let taken = unjustified_takeovers::by_a_peer(view)
        .into_iter()
        .chain(unjustified_takeovers::by_its_owner(view));
    let taken = taken.map(|takeover| {
        let still_ms = takeover.still_us / 1000;
        breach(
            view,
            takeover.turn,
            takeover.to.at.n,
            format!("taken by {} {still_ms} ms after it last moved", takeover.to.label()),
        )
    });
    taken
        .chain(view.turns.iter().filter_map(|turn| ended(view, turn)))
        .collect()
}

fn ended<'a>(view: &View<'a>, turn: &Turn<'a>) -> Option<Breach> {
    let ended = turn.terminal()?;
    let still_us = unjustified_takeovers::still_us(turn, ended.at.us);
    let began = turn.rows.iter().any(|row| row.status == Status::InProgress);
    let under_a_call = ended.status == Status::Failed && is_under_a_call(view, turn, ended);
    let is_reaped = match ended.status {
        Status::Lost => true,
        // Without a call there is nothing that could have failed.
        Status::Failed => !began || turn.calls.is_empty() || under_a_call,
        _ => false,
    };
    let is_cancelled = view.is_cancelled(turn) || view.ran_out(turn);
    // A turn whose owner was at work on it is not failed for what happened to others, or long before.
    let at_work = under_a_call.then(|| owner_before(view, turn, ended)).flatten();
    let is_excused = unjustified_takeovers::may_be_taken(view, at_work, ended.at.us, still_us)
        || (at_work.is_none() && view.is_excused(None, turn.asked_us(), ended.at.us));
    if !is_reaped || is_cancelled || is_excused || turn.expect.is_some_and(|expect| expect.fails) {
        return None;
    }
    let before = if began { "" } else { ", before it had begun" };
    let got = format!("{:?} {} ms after it last moved{before}", ended.status, still_us / 1000);
    Some(breach(view, turn, ended.at.n, got))
}

/// True if the provider was called for the last attempt, and was neither done nor had failed when the turn did.
fn is_under_a_call(view: &View<'_>, turn: &Turn<'_>, ended: &TurnRow<'_>) -> bool {
    let last = turn.calls.last().map(|call| &view.calls[*call]);
    let was_called = turn.calls.len() >= turn.claims_until(ended);
    was_called && last.is_some_and(|call| call.cause.is_none_or(|cause| cause == "client_gone"))
}

/// Returns the owner of the attempt in which the turn ended: who claimed it. A sweeper that takes a dead owner's lock to fail the
/// turn claims nothing.
fn owner_before<'a>(view: &View<'a>, turn: &Turn<'a>, ended: &TurnRow<'_>) -> Option<&'a PodName> {
    let owners = view.owners(turn);
    let before = &owners[..owners.partition_point(|owned| owned.at.n < ended.at.n)];
    let mut of_attempt = before
        .iter()
        .filter(|owned| owned.status == Status::InProgress && owned.epoch == ended.epoch);
    of_attempt.find_map(|owned| owned.owner)
}

fn breach(view: &View<'_>, turn: &Turn<'_>, n: u64, got: String) -> Breach {
    Breach {
        subject: format!("turn {}", turn.id),
        thread: turn.thread,
        n,
        expected: match view.promised.progress_ms {
            Some(bound_ms) => format!("no reaping before {bound_ms} ms without progress"),
            None => "no reaping, as nothing was broken".into(),
        },
        got,
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{ClientEvent, Outcome, Status, StoreEvent, What};
    use crate::judge::testing::{
        FRIENDLY, accepted, aimed, call_ends, fault, posted, taken_from_a_live_owner, takeover, thread_row, turn_row,
    };

    const NAME: &str = "ReaperSoundness";

    #[test]
    fn a_takeover_from_the_dead_or_the_stuck_is_accepted() {
        takeover().keeps(NAME);
        taken_from_a_live_owner(3_000).keeps(NAME);
    }

    #[test]
    fn a_takeover_of_a_turn_that_moves_is_found() {
        let finding = taken_from_a_live_owner(FRIENDLY).breaks(NAME);
        assert!(finding.got.starts_with("taken by pod-2 at epoch 2 "), "{}", finding.got);
    }

    #[test]
    fn a_turn_that_is_reaped_before_it_begins_is_found() {
        let mut play = takeover();
        play.put(8000, posted(2, "t-1", "m-2", "key-2"))
            .put(8001, accepted(2, "turn-2"));
        play.put(8001, turn_row(120, "turn-2", 0, Status::Queued));
        let waiting = play.clone();
        play.put(8100, turn_row(121, "turn-2", 0, Status::Lost));
        let finding = play.breaks(NAME);
        assert_eq!(finding.got, "Lost 99 ms after it last moved, before it had begun");
        // After the bound, or where it was cancelled, nothing is known.
        let mut play = waiting;
        play.put(11_000, turn_row(121, "turn-2", 0, Status::Lost));
        play.keeps(NAME);
    }

    #[test]
    fn a_turn_that_is_failed_under_a_running_call_is_found_unless_it_was_cancelled() {
        let mut play = takeover();
        play.without(|what| matches!(what, What::Fault(_)));
        play.without_from(1199, |what| {
            matches!(
                what,
                What::Store(StoreEvent::Row { .. } | StoreEvent::TerminalProbe { .. }) | What::Provider(_)
            )
        });
        play.put(50, turn_row(60, "turn-1", 1, Status::Failed))
            .put(50, thread_row(60, None, 1, Status::Failed));
        let finding = play.breaks(NAME);
        assert!(finding.got.starts_with("Failed "), "{}", finding.got);

        // A fault of another pod is no reason; a fault of its owner is.
        play.put(20, fault(2, "kill", "pod-3", aimed()));
        play.breaks(NAME);
        let mut dead = play.clone();
        dead.put(30, fault(3, "kill", "pod-1", aimed()));
        dead.keeps(NAME);

        let mut cancelled = play.clone();
        cancelled.put(
            45,
            What::Client(ClientEvent::Cancelled {
                pod: "pod-2".into(),
                thread: "t-1".into(),
                turn: None,
                outcome: Outcome::Ok(()),
            }),
        );
        cancelled.keeps(NAME);

        play.turn_into(
            &call_ends(1, "pod-1", "client_gone"),
            call_ends(1, "pod-1", "fault:abort"),
        );
        play.keeps(NAME);
    }

    /// Seen live: taken by its own pod again and again and failed, all within 25 ms of its beginning.
    #[test]
    fn a_turn_that_is_failed_before_the_provider_was_ever_called_is_found() {
        let mut play = takeover();
        play.put(8000, posted(2, "t-1", "m-2", "key-2"))
            .put(8001, accepted(2, "turn-2"));
        play.put(8001, turn_row(120, "turn-2", 0, Status::Queued));
        for (ms, xid, epoch) in [(8010, 121, 3), (8020, 122, 4)] {
            play.put(ms, thread_row(xid, Some("pod-1"), epoch, Status::InProgress))
                .put(ms, turn_row(xid, "turn-2", epoch, Status::InProgress));
        }
        play.put(8030, thread_row(123, None, 4, Status::Failed))
            .put(8030, turn_row(123, "turn-2", 4, Status::Failed));
        let findings = play.findings(NAME);
        let got: Vec<&str> = findings.iter().map(|finding| finding.got.as_str()).collect();
        assert_eq!(got.len(), 2, "{got:?}");
        assert!(got[0].starts_with("taken by pod-1 at epoch 4 "), "{got:?}");
        assert!(got[1].starts_with("Failed "), "{got:?}");
    }

    #[test]
    fn a_pod_may_begin_anew_where_the_provider_ended_its_call() {
        let mut play = takeover();
        play.without(|what| matches!(what, What::Fault(_)));
        play.without_from(1199, |what| {
            matches!(
                what,
                What::Store(StoreEvent::Row { .. } | StoreEvent::TerminalProbe { .. }) | What::Provider(_)
            )
        });
        play.put(60, thread_row(60, Some("pod-1"), 2, Status::InProgress))
            .put(60, turn_row(60, "turn-1", 2, Status::InProgress));
        let finding = play.breaks(NAME);
        assert!(finding.got.starts_with("taken by pod-1 at epoch 2 "), "{}", finding.got);
        play.turn_into(
            &call_ends(1, "pod-1", "client_gone"),
            call_ends(1, "pod-1", "fault:abort"),
        );
        play.keeps(NAME);
    }
}
