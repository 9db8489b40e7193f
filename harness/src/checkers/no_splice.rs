//! Promise 12: no text joins what two provider calls said.

use std::collections::BTreeSet;

use super::Promise;
use super::view::{Breach, Text, View};

pub(crate) const PROMISE: Promise = Promise {
    number: 12,
    name: "NoSplice",
    statement: "no text, on a screen, in the store or in a reading, holds tokens of two provider calls",
    needs: &[],
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut told = BTreeSet::new();
    let held = view.held_texts().filter_map(|(subject, place, text)| {
        let turn = &view.turns[place];
        let subject = if subject.contains("turn") { subject } else { format!("{subject}, turn {}", turn.id) };
        check(subject, turn.thread, text)
    });
    let read = view.reads.iter().flat_map(|read| {
        read.answers.iter().filter_map(move |answer| {
            let subject = format!("thread read from {}, turn {}", read.pod, answer.turn);
            check(subject, Some(read.thread), &Text::of(read.at.n, &answer.text))
        })
    });
    // One finding a subject: a text that is read ten times is spliced once.
    held.chain(read).filter(|breach| told.insert(breach.subject.clone())).collect()
}

fn check(subject: String, thread: Option<usize>, text: &Text<'_>) -> Option<Breach> {
    let voices = text.voices();
    let [first, second, ..] = &voices[..] else { return None };
    Some(Breach {
        subject,
        thread,
        n: second.n,
        expected: format!("tokens of call {} for `{}` only", first.call, first.key),
        got: format!("`{}`, of call {} for `{}`", second.first, second.call, second.key),
    })
}
