//! Promise 13: an acknowledged message is durable, and its turn ends.
//!
//! A turn that is still open when the history ends counts only if nothing excuses it: nothing has moved for
//! longer than a takeover may take, and the provider is not holding the answer back.

use crate::judge::Promise;
use crate::judge::view::{At, Breach, Turn, View};

pub(crate) const PROMISE: Promise = Promise {
    number: 13,
    name: "NoLostAck",
    statement: "every acknowledged message's turn is in the store and reaches a terminal status, even if the pod that \
                acknowledged it dies at once",
    needs: &[],
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let Some(quiesced) = view.ending.quiesced else {
        return Vec::new();
    };
    let accepted = view.turns.iter().filter_map(|turn| Some((turn, turn.accepted?)));
    accepted
        .filter_map(|(turn, accepted)| check(view, turn, accepted, quiesced))
        .collect()
}

pub(in crate::judge) fn check(view: &View<'_>, turn: &Turn<'_>, accepted: At, quiesced: At) -> Option<Breach> {
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
        return breach(
            "a row of the acknowledged turn",
            "no row by the end of the history".into(),
        );
    };
    if turn.terminal().is_some() || is_held_by_provider(view, turn) {
        return None;
    }
    let still_us = quiesced.us.saturating_sub(last_move_us(view, turn, accepted));
    let bounds = view.bounds;
    if still_us
        <= (bounds.lease_ms + bounds.takeover_ms)
            .max(bounds.progress_ms)
            .max(bounds.pickup_ms)
            * 1000
    {
        return None;
    }
    breach(
        "a terminal status",
        format!("{:?} for the last {} ms of the history", last.status, still_us / 1000),
    )
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
        .and_then(|thread| view.threads[thread].owners.last())
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
    use crate::history::{ClientEvent, OpId, Outcome, Status, What};
    use crate::judge::testing::{accepted, posted, takeover, thread_row, turn_row};
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
