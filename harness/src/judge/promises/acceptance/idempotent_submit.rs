//! Promise 14: a message that is sent twice is one message.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Capability, MessageId, Outcome, TurnId};
use crate::judge::view::{Breach, View};
use crate::judge::{Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 14,
    name: "IdempotentSubmit",
    statement: "any number of posts of one message id, over all pods, make one turn, one row and one answer",
    needs: &[Need::Can(Capability::Idempotent)],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut first: BTreeMap<(usize, &MessageId), (u64, &TurnId)> = BTreeMap::new();
    let mut reported = BTreeSet::new();
    let mut breaches = Vec::new();
    let rows = view
        .stored_turns()
        .filter_map(|(_, turn)| Some((turn.thread?, turn.message?, turn.rows[0].at.n, turn.id)));
    let acks = view.posts.iter().filter_map(|post| match post.ended? {
        (at, Outcome::Ok(accepted)) => Some((post.thread, post.message, at.n, &accepted.turn)),
        _ => None,
    });
    for (thread, message, n, turn) in rows.chain(acks) {
        let (first_n, known) = *first.entry((thread, message)).or_insert((n, turn));
        if known != turn && reported.insert((thread, message)) {
            breaches.push(Breach {
                subject: format!("message {message}"),
                thread: Some(thread),
                n: n.max(first_n),
                expected: format!("turn {known} for every post of it"),
                got: format!("turn {turn} as well"),
            });
        }
    }
    breaches.extend(view.reads.iter().filter_map(|read| {
        let mut met = BTreeSet::new();
        let answered = read.answers.iter().filter_map(|answer| view.answered(answer));
        let twice = answered.into_iter().find(|place| !met.insert(*place))?;
        Some(Breach {
            subject: format!("thread read from {}, turn {}", read.pod, view.turns[twice].id),
            thread: Some(read.thread),
            n: read.at.n,
            expected: "one answer".into(),
            got: "two of them".into(),
        })
    }));
    breaches
}

#[cfg(test)]
mod tests {
    use crate::history::{PodEvent, Status, StoreEvent, What};
    use crate::judge::testing::{accepted, answer, posted, read, takeover, turn_row};

    const NAME: &str = "IdempotentSubmit";

    #[test]
    fn a_repeated_post_that_makes_the_same_turn_is_accepted() {
        let mut play = takeover();
        play.put(10, posted(2, "t-1", "m-1", "key-1"))
            .put(11, accepted(2, "turn-1"));
        play.passes();
    }

    #[test]
    fn a_repeated_post_that_makes_another_turn_is_found() {
        let mut play = takeover();
        play.put(10, posted(2, "t-1", "m-1", "key-1"))
            .put(11, accepted(2, "turn-9"));
        let finding = play.breaks(NAME);
        assert_eq!(
            (finding.subject.as_str(), finding.got.as_str()),
            ("message m-1", "turn turn-9 as well")
        );
    }

    #[test]
    fn a_second_row_for_a_message_is_found() {
        let mut play = takeover();
        let What::Store(StoreEvent::Row {
            lsn,
            xid,
            row: crate::history::Row::Turn(mut row),
        }) = turn_row(12, "turn-9", 0, Status::Queued)
        else {
            unreachable!("a turn's row")
        };
        row.message = Some("m-1".into());
        let row = crate::history::Row::Turn(row);
        play.put(11, What::Store(StoreEvent::Row { lsn, xid, row }));
        play.breaks(NAME);
    }

    #[test]
    fn two_answers_of_one_turn_are_found() {
        let mut play = takeover();
        let mut twice = read("pod-2", Status::Completed, answer(2), None);
        if let What::Pod(PodEvent::ThreadRead { answers, .. }) = &mut twice {
            answers.extend_from_within(..);
        }
        play.put(1402, twice);
        assert_eq!(play.breaks(NAME).got, "two of them");
    }

    #[test]
    fn the_same_message_id_in_another_thread_is_another_message() {
        let mut play = takeover();
        play.put(10, posted(2, "t-2", "m-1", "key-2"))
            .put(11, accepted(2, "turn-9"));
        play.keeps(NAME);
    }
}
