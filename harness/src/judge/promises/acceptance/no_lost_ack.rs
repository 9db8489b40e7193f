//! Promise 13: an acknowledged message is durable, and its turn ends.
//!
//! A turn that is still open when the history ends counts only if nothing excuses it: nothing has moved for
//! longer than a takeover may take, and the provider is not holding the answer back. A message that is too large must not be
//! acknowledged ([`too_large`]).

use std::collections::BTreeSet;

use super::too_large;
use crate::history::{Capability, MessageId, OnDeath, PodName, Row};
use crate::judge::view::{At, Breach, Read, Thread, Turn, View};
use crate::judge::{Clause, Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 13,
    name: "NoLostAck",
    statement: "every acknowledged message's turn is in the store, stays there with its thread, and reaches a terminal status, even if \
                the pod that acknowledged it dies at once; a message that is larger than the system takes is refused with the \
                status that it states, by a pod that nothing ails",
    needs: &[],
    clauses: &[
        Clause {
            name: "the turn is stored",
            needs: &[Need::Can(Capability::EveryCommit)],
        },
        Clause {
            name: "the message is read back on every pod",
            needs: &[Need::Can(Capability::Questions)],
        },
        Clause {
            name: "a message that is too large is refused",
            needs: &[Need::Can(Capability::BodyLimit)],
        },
    ],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let Some(quiesced) = view.ending.quiesced else {
        return Vec::new();
    };
    let accepted = view.turns.iter().filter_map(|turn| Some((turn, turn.accepted?)));
    let mut breaches: Vec<Breach> = accepted
        .filter_map(|(turn, accepted)| check(view, turn, accepted, quiesced))
        .collect();
    breaches.extend(
        view.threads
            .iter()
            .enumerate()
            .filter_map(|thread| lost_thread(view, thread)),
    );
    breaches.extend(view.final_reads().flat_map(|read| not_read_back(view, read)));
    breaches.extend(turn_of_another(view));
    breaches.extend(too_large::judge(view));
    breaches
}

/// Messages that were acknowledged with a turn that the store holds as another message's: they have none of their own.
fn turn_of_another(view: &View<'_>) -> Vec<Breach> {
    let known: BTreeSet<(usize, &MessageId)> = view.posts.iter().map(|post| (post.thread, post.message)).collect();
    let mut reported = BTreeSet::new();
    let found = view.posts.iter().filter_map(|post| {
        let (at, accepted) = post.ended.and_then(|(at, outcome)| Some((at, outcome.ok()?)))?;
        let turn = &view.turns[view.turn(&accepted.turn)?];
        let other = turn.message.filter(|message| *message != post.message)?;
        let is_known = known.contains(&(post.thread, other)) && is_stored_as(view, turn, other);
        let is_new = is_known && reported.insert((post.thread, post.message));
        is_new.then(|| Breach {
            subject: format!("message {}", post.message),
            thread: Some(post.thread),
            n: at.n,
            expected: "a turn of its own".into(),
            got: format!("turn {}, which is of message {other}", turn.id),
        })
    });
    found.collect()
}

/// True if a row of the turn says that it is the message's. A system whose rows say nothing may let a message join a turn.
fn is_stored_as(view: &View<'_>, turn: &Turn<'_>, message: &MessageId) -> bool {
    let says_so =
        |row: &Row| matches!(row, Row::Turn(row) if row.turn == *turn.id && row.message.as_ref() == Some(message));
    view.changes().any(|change| says_so(change.row))
}

pub(in crate::judge) fn check<'a>(view: &View<'a>, turn: &Turn<'a>, accepted: At, quiesced: At) -> Option<Breach> {
    let breach = |expected: &str, got: String| {
        let subject = format!("turn {}", turn.id);
        Some(Breach {
            subject,
            thread: turn.thread,
            n: accepted.n,
            expected: expected.to_owned(),
            got,
        })
    };
    let Some(last) = turn.rows.last() else {
        if !view.can(Capability::EveryCommit) {
            return None;
        }
        return breach(
            "a row of the acknowledged turn",
            "no row by the end of the history".into(),
        );
    };
    if let Some((gone, _)) = turn
        .gone
        .filter(|(gone, _)| turn.terminal().is_none_or(|row| row.at.n > gone.n))
    {
        let got = format!("its row was removed at event {}", gone.n);
        return breach("a row of the acknowledged turn until its end", got);
    }
    let is_given_up = view.rules.on_death == Some(OnDeath::Nothing) && lost_an_owner(view, turn);
    if turn.terminal().is_some() || is_given_up || is_held_by_provider(view, turn) {
        return None;
    }
    let still_us = quiesced.us.saturating_sub(last_move_us(view, turn, accepted));
    let bounds = view.bounds;
    let takeover_ms = bounds.lease_ms + bounds.takeover_ms;
    let progress_ms = view.promised.progress_ms.unwrap_or(0);
    if still_us <= takeover_ms.max(progress_ms).max(bounds.pickup_ms) * 1000 {
        return None;
    }
    breach(
        "a terminal status",
        format!("{:?} for the last {} ms of the history", last.status, still_us / 1000),
    )
}

/// A thread that was removed although messages of it were acknowledged.
fn lost_thread(view: &View<'_>, (place, thread): (usize, &Thread<'_>)) -> Option<Breach> {
    let (gone, _) = thread.gone?;
    let mut turns = thread.turns.iter().map(|turn| &view.turns[*turn]);
    let acknowledged = turns.find(|turn| turn.accepted.is_some_and(|at| at.n < gone.n))?;
    Some(Breach {
        subject: format!("thread {}", thread.id),
        thread: Some(place),
        n: gone.n,
        expected: format!("the thread of the acknowledged turn {}", acknowledged.id),
        got: "its row was removed".into(),
    })
}

/// Acknowledged messages that a pod does not return in the end, whatever became of their turns.
fn not_read_back(view: &View<'_>, read: &Read<'_>) -> Vec<Breach> {
    let Some(questions) = read.questions else {
        return Vec::new();
    };
    let accepted = view
        .turns
        .iter()
        .filter(|turn| turn.thread == Some(read.thread) && turn.accepted.is_some());
    let asked = accepted.filter(|turn| read.turn.is_none_or(|asked| asked == turn.id));
    let lost = asked.filter_map(|turn| {
        let key = &turn.expect?.key;
        let is_there = questions.iter().any(|question| question.key.as_ref() == Some(key));
        (!is_there).then(|| Breach {
            subject: format!("thread read from {}, message of turn {}", read.pod, turn.id),
            thread: turn.thread,
            n: read.at.n,
            expected: "the acknowledged message".into(),
            got: format!("{} other messages", questions.len()),
        })
    });
    lost.collect()
}

/// True if a pod that owned the turn was ended by a fault.
fn lost_an_owner<'a>(view: &View<'a>, turn: &Turn<'a>) -> bool {
    let owners = view.owners(turn).iter().filter_map(|owned| owned.owner);
    let mut ended = view.faults.iter().filter(|fault| fault.ends_its_target());
    let owners: Vec<&str> = owners.map(PodName::as_str).collect();
    ended.any(|fault| owners.contains(&fault.target))
}

/// True if a call for the turn is still open: then it is the provider that everybody waits for.
fn is_held_by_provider(view: &View<'_>, turn: &Turn<'_>) -> bool {
    turn.calls.iter().any(|call| view.calls[*call].ended.is_none())
}

/// When anything last happened that brings this turn forward.
fn last_move_us(view: &View<'_>, turn: &Turn<'_>, accepted: At) -> u64 {
    let calls = turn
        .calls
        .iter()
        .filter_map(|call| view.calls[*call].ended.or(view.calls[*call].started));
    let rows = turn.rows.iter().map(|row| row.at);
    let texts = turn.first_text.values().copied();
    // Work of the same thread that comes first, and whatever was broken meanwhile.
    let thread = turn
        .thread
        .and_then(|thread| view.newest_owned(thread, u64::MAX))
        .map(|owned| owned.at);
    let heal_us = view.faults.last_healed_us;
    calls
        .chain(rows)
        .chain(texts)
        .chain(thread)
        .map(|at| at.us)
        .chain(heal_us)
        .fold(accepted.us, u64::max)
}

#[cfg(test)]
mod tests {
    use crate::history::{ClientEvent, OpId, Outcome, Row, Status, What};
    use crate::judge::testing::{accepted, gone, posted, takeover, thread_row, turn_row};
    use crate::verdict::Verdict;

    const NAME: &str = "NoLostAck";

    #[test]
    fn an_acknowledged_turn_that_completes_is_accepted() {
        takeover().keeps(NAME);
    }

    #[test]
    fn an_acknowledged_turn_without_a_row_is_found() {
        let mut play = takeover();
        play.put(10, posted(2, "t-1", "m-2", "key-2"))
            .put(11, accepted(2, "turn-2"));
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "turn turn-2");
        assert_eq!(finding.got, "no row by the end of the history");
    }

    #[test]
    fn a_row_that_vanishes_is_found() {
        let mut play = takeover();
        play.put(1_210, gone(97, Row::TurnGone { turn: "turn-1".into() }));
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "turn turn-1");
        assert!(
            finding.got.starts_with("its row was removed at event "),
            "{}",
            finding.got
        );
        let mut play = takeover();
        play.put(1_300, gone(110, Row::ThreadGone { thread: "t-1".into() }));
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "thread t-1");
        assert_eq!(finding.expected, "the thread of the acknowledged turn turn-1");
        // A thread that nobody has written to may go.
        let mut play = takeover();
        play.put(1_300, gone(110, Row::ThreadGone { thread: "t-2".into() }));
        play.keeps(NAME);
    }

    #[test]
    fn a_turn_that_is_never_taken_is_found() {
        let mut play = takeover();
        play.put(10, posted(2, "t-1", "m-2", "key-2"))
            .put(11, accepted(2, "turn-2"));
        play.put(11, turn_row(11, "turn-2", 0, Status::Queued));
        assert!(play.breaks(NAME).got.starts_with("Queued for the last "));
    }

    #[test]
    fn a_turn_that_the_provider_holds_or_that_just_began_is_inconclusive() {
        let mut play = takeover();
        play.put(14_500, posted(2, "t-1", "m-2", "key-2"))
            .put(14_501, accepted(2, "turn-2"));
        play.put(14_501, turn_row(11, "turn-2", 0, Status::Queued))
            .put(14_501, thread_row(11, None, 2, Status::Queued));
        play.keeps(NAME);
        let judgement = play.judged();
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        assert!(
            judgement
                .reason
                .expect("a reason")
                .starts_with("turn turn-2 had not ended")
        );
    }

    #[test]
    fn a_post_that_nobody_knows_of_owes_nothing() {
        let mut play = takeover();
        let unknown = Outcome::Unknown {
            reason: "time-out".into(),
        };
        play.put(10, posted(2, "t-1", "m-2", "key-2")).put(
            11,
            What::Client(ClientEvent::PostEnded {
                op: OpId(2),
                outcome: unknown,
            }),
        );
        play.passes();
    }
}
