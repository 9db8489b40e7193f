//! Promise 1: the answer is the provider's, whole, each token once, in the store and on every screen that saw it all.

use super::view::{Anchor, Breach, Text, View, Watcher};
use super::{Promise, oracle};
use crate::history::{Expect, Status};

pub(crate) const PROMISE: Promise = Promise {
    number: 1,
    name: "FinalTextExactlyOnce",
    statement: "a completed turn's durable text, and the text of every watcher that saw the turn from its start to its \
                finish, is exactly the provider's answer: tokens 1 to n of one call, in order, each once",
    needs: &[],
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (place, turn) in view.stored_turns() {
        let (Some(expect), Some(terminal)) = (turn.oracle(), turn.terminal()) else { continue };
        let subject = format!("durable text of turn {}", turn.id);
        let durable = hold(&turn.durable, expect, subject, turn.thread, terminal.at.n);
        let sound = durable.is_none();
        breaches.extend(durable);
        for watcher in &view.watchers {
            let Some((shown, finished)) = shown_whole(watcher, place) else { continue };
            // The same text as a sound durable one needs no second look.
            if sound && shown.same_as(&turn.durable) {
                continue;
            }
            let subject = format!("{}, turn {}", watcher.label(), turn.id);
            breaches.extend(hold(shown, expect, subject, turn.thread, finished));
        }
    }
    breaches
}

/// What a watcher shows of a turn that it saw from start to finish, and the finish's event.
fn shown_whole<'v, 'a>(watcher: &'v Watcher<'a>, place: usize) -> Option<(&'v Text<'a>, u64)> {
    let seen = watcher.turns.get(&place)?;
    let finish = seen.finishes.first().filter(|finish| finish.status == Status::Completed)?;
    let showing = seen.current().filter(|showing| showing.anchor == Anchor::Start)?;
    Some((&showing.text, finish.at.n))
}

fn hold(text: &Text<'_>, expect: &Expect, subject: String, thread: Option<usize>, end: u64) -> Option<Breach> {
    let odd = oracle::hold(text, expect).err()?;
    // A text that ends too early is odd when it is declared whole, not when its last piece came.
    let n = if odd.got == "the end of the text" { end } else { odd.n.unwrap_or(end) };
    Some(Breach { subject, thread, n, expected: odd.expected, got: odd.got })
}
