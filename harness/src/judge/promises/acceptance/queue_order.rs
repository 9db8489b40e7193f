//! Promise 41: the turns of a thread run in the order in which their messages were acknowledged.
//!
//! A message has its place in the queue once a client was told so. If a client posts a message after it was told of another one, the other
//! one's turn comes first; two posts that overlap in time have no order. A refusal is explicit, and a refused message has no turn.
//!
//! A turn is out of its order if it begins while one that was acknowledged before it waits. Rows come in commit order, so this is exact:
//! no fault excuses it. A turn that waits for a person, or runs, is judged elsewhere (`SingleActiveTurn`).

use crate::history::{Capability, Status};
use crate::judge::view::{Breach, Thread, Turn, TurnRow, View};
use crate::judge::{Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 41,
    name: "QueueOrder",
    statement: "no turn of a thread begins while another one waits whose message was acknowledged before its own was posted",
    needs: &[Need::Can(Capability::Queue), Need::Can(Capability::EveryCommit)],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let threads = view.threads.iter().enumerate();
    threads
        .filter_map(|(place, thread)| check(view, place, thread))
        .collect()
}

/// The first turn of a thread that begins out of its order.
fn check(view: &View<'_>, place: usize, thread: &Thread<'_>) -> Option<Breach> {
    let turns: Vec<&Turn<'_>> = thread.turns.iter().map(|turn| &view.turns[*turn]).collect();
    let mut acknowledged: Vec<&Turn<'_>> = turns.iter().copied().filter(|turn| turn.accepted.is_some()).collect();
    acknowledged.sort_by_key(|turn| turn.accepted);
    // For each of them, until when the last of it and of those before it waits: one comparison for most turns.
    let waits = acknowledged.iter().scan(0, |latest, turn| {
        *latest = waits_until(turn).max(*latest);
        Some(*latest)
    });
    let waits: Vec<u64> = waits.collect();
    let found = turns.iter().filter_map(|turn| {
        // A turn that is answered has begun, whether or not a row says so.
        let has_begun = |row: &&TurnRow<'_>| matches!(row.status, Status::InProgress | Status::Completed);
        let began = turn.rows.iter().find(has_begun)?;
        let posted_us = turn.posted?.us;
        let before = acknowledged.partition_point(|other| other.accepted.is_some_and(|at| at.us < posted_us));
        let is_any = before.checked_sub(1).is_some_and(|last| waits[last] > began.at.n);
        let passed = acknowledged[..before]
            .iter()
            .find(|other| is_any && waits_at(other, began))?;
        Some((began.at.n, *turn, *passed))
    });
    let (n, turn, passed) = found.min_by_key(|(n, ..)| *n)?;
    Some(Breach {
        subject: format!("thread {}", thread.id),
        thread: Some(place),
        n,
        expected: format!(
            "turn {}, acknowledged before the message of turn {} was posted",
            passed.id, turn.id
        ),
        got: format!("turn {} begins first", turn.id),
    })
}

/// The place in the history at which a turn's last wait is over.
fn waits_until(turn: &Turn<'_>) -> u64 {
    match turn.rows.iter().rposition(is_waiting) {
        Some(last) => turn.rows.get(last + 1).map_or(u64::MAX, |row| row.at.n),
        None => turn.rows.first().map_or(0, |row| row.at.n),
    }
}

/// True if a turn waits for its owner when another one begins, or has no row yet. What one transaction does has no order.
fn waits_at(turn: &Turn<'_>, began: &TurnRow<'_>) -> bool {
    let is_before = |row: &&TurnRow<'_>| row.at.n < began.at.n || row.xid == began.xid;
    let last = turn.rows.iter().take_while(is_before).last();
    !turn.rows.is_empty() && last.is_none_or(is_waiting)
}

fn is_waiting(row: &TurnRow<'_>) -> bool {
    matches!(row.status, Status::Queued | Status::Idle)
}

#[cfg(test)]
mod tests {
    use crate::history::{Capability, FaultStep, OpId, Outcome, RunEvent, Status, What};
    use crate::judge::testing::{Play, accepted, aimed, began, fault, posted, takeover, turn_row};

    const NAME: &str = "QueueOrder";

    /// The good run, behind which two more turns are posted, the second of them at `posted_ms`, and begin in the given order. The first was
    /// acknowledged at 1302.
    fn queued(posted_ms: u64, order: [&str; 2]) -> Play {
        let mut play = takeover();
        play.put(1_300, posted(2, "t-1", "m-2", "key-2"))
            .put(1_301, turn_row(110, "turn-2", 2, Status::Queued))
            .put(1_302, accepted(2, "turn-2"))
            .put(posted_ms, posted(3, "t-1", "m-3", "key-3"))
            .put(1_305, turn_row(111, "turn-3", 2, Status::Queued))
            .put(1_306, accepted(3, "turn-3"));
        for (turn, n) in order.into_iter().zip(0_u64..) {
            play.put(1_310 + 10 * n, turn_row(120 + 2 * n, turn, 3 + n, Status::InProgress))
                .put(1_315 + 10 * n, turn_row(121 + 2 * n, turn, 3 + n, Status::Completed));
        }
        play
    }

    #[test]
    fn turns_that_run_in_order_are_accepted() {
        takeover().keeps(NAME);
        queued(1_303, ["turn-2", "turn-3"]).keeps(NAME);
    }

    #[test]
    fn the_newest_that_runs_first_is_found_whatever_is_broken() {
        let mut play = queued(1_303, ["turn-3", "turn-2"]);
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "thread t-1");
        assert_eq!(
            finding.expected,
            "turn turn-2, acknowledged before the message of turn turn-3 was posted"
        );
        assert_eq!(finding.got, "turn turn-3 begins first");
        play.put(1_299, fault(4, "stop", "postgres", aimed()))
            .put(1_399, fault(4, "stop", "postgres", FaultStep::Healed));
        play.breaks(NAME);
    }

    #[test]
    fn messages_whose_posts_overlap_have_no_order() {
        queued(1_302, ["turn-3", "turn-2"]).keeps(NAME);
        queued(1_301, ["turn-3", "turn-2"]).keeps(NAME);
    }

    #[test]
    fn a_turn_that_was_given_back_comes_before_the_next() {
        let mut play = queued(1_303, ["turn-2", "turn-3"]);
        play.put(1_312, turn_row(118, "turn-2", 3, Status::Queued));
        play.without(|what| *what == turn_row(121, "turn-2", 3, Status::Completed));
        play.put(1_340, turn_row(140, "turn-2", 5, Status::InProgress));
        assert_eq!(play.breaks(NAME).got, "turn turn-3 begins first");
    }

    #[test]
    fn what_is_over_or_was_refused_waits_for_nobody() {
        let mut play = queued(1_303, ["turn-3", "turn-2"]);
        play.without(|what| {
            [Status::InProgress, Status::Completed]
                .map(|status| turn_row(122, "turn-2", 4, status))
                .contains(what)
                || *what == turn_row(123, "turn-2", 4, Status::Completed)
        });
        play.breaks(NAME);
        let mut stopped = play.clone();
        stopped.put(1_308, turn_row(119, "turn-2", 2, Status::Cancelled));
        stopped.keeps(NAME);
        let reason = "a turn is in flight".into();
        let outcome = Outcome::Failed { status: 409, reason };
        let refused = What::Client(crate::history::ClientEvent::PostEnded { op: OpId(2), outcome });
        play.turn_into(&accepted(2, "turn-2"), refused);
        play.keeps(NAME);
    }

    #[test]
    fn a_system_whose_turns_do_not_wait_is_not_judged() {
        let mut play = queued(1_303, ["turn-3", "turn-2"]);
        let mut parallel = began();
        parallel.capabilities.retain(|can| *can != Capability::Queue);
        play.turn_into(
            &What::Run(RunEvent::Began(began().into())),
            What::Run(RunEvent::Began(parallel.into())),
        );
        let lacking = play.judged().not_applicable;
        assert!(lacking.iter().any(|lacking| lacking.promise == NAME));
    }
}
