//! Promise 14: a message sent twice is one message.

use std::collections::{BTreeMap, BTreeSet};

use super::Promise;
use super::view::{Breach, View};
use crate::history::{MessageId, Outcome, TurnId};

pub(crate) const PROMISE: Promise = Promise {
    number: 14,
    name: "IdempotentSubmit",
    statement: "any number of posts of one message id, over all pods, make one turn, one row and one answer",
    needs: &[],
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut first: BTreeMap<(usize, &MessageId), (u64, &TurnId)> = BTreeMap::new();
    let mut told = BTreeSet::new();
    let mut breaches = Vec::new();
    let rows = view.stored_turns().filter_map(|(_, turn)| Some((turn.thread?, turn.message?, turn.rows[0].at.n, turn.id)));
    let acks = view.posts.iter().filter_map(|post| match post.ended? {
        (at, Outcome::Ok(accepted)) => Some((post.thread, post.message, at.n, &accepted.turn)),
        _ => None,
    });
    for (thread, message, n, turn) in rows.chain(acks) {
        let (first_n, known) = *first.entry((thread, message)).or_insert((n, turn));
        if known != turn && told.insert((thread, message)) {
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
        let twice = read.answers.iter().find(|answer| !met.insert(&answer.turn))?;
        Some(Breach {
            subject: format!("thread read from {}, turn {}", read.pod, twice.turn),
            thread: Some(read.thread),
            n: read.at.n,
            expected: "one answer".into(),
            got: "two of them".into(),
        })
    }));
    breaches
}
