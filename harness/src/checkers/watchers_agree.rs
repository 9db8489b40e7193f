//! Promise 2: at no instant do two screens contradict each other about one attempt of one answer.
//!
//! A showing only ever grows, so if each one is a beginning of the attempt's reference text when it is longest, any two
//! were beginnings of one another at every instant before.

use std::collections::BTreeSet;

use super::Promise;
use super::view::{Breach, Due, Fit, Seen, Turn, View, Watcher};

pub(crate) const PROMISE: Promise = Promise {
    number: 2,
    name: "WatchersAgree",
    statement: "any two watchers' texts of one turn and attempt are beginnings of one another at every instant, and of the \
                attempt's final text; a change of attempt is announced by a reset, and reaches every watcher",
    needs: &[],
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut told = BTreeSet::new();
    for watcher in &view.watchers {
        for (place, seen) in &watcher.turns {
            let turn = &view.turns[*place];
            if let Some(breach) = contradiction(watcher, turn, seen) {
                told.insert((watcher.id, turn.id));
                breaches.push(breach);
            }
        }
    }
    let left_behind = view.dues().filter(|(watcher, turn, ..)| !told.contains(&(watcher.id, turn.id)));
    breaches.extend(left_behind.filter_map(|(watcher, turn, seen, due)| superseded(watcher, turn, seen?, due)));
    breaches
}

/// A showing that leaves its attempt's text, or goes over into another attempt unannounced.
fn contradiction(watcher: &Watcher<'_>, turn: &Turn<'_>, seen: &Seen<'_>) -> Option<Breach> {
    let subject = format!("{}, turn {}", watcher.label(), turn.id);
    seen.showings.iter().find_map(|showing| {
        if let (Some((at, other)), Some(epoch)) = (showing.mixed, showing.epoch) {
            return Some(Breach {
                subject: subject.clone(),
                thread: turn.thread,
                n: at.n,
                expected: format!("only the attempt at epoch {epoch}, or a reset before another one"),
                got: format!("a frame of the attempt at epoch {other}, without a reset"),
            });
        }
        let Fit::Apart { at } = showing.fit else { return None };
        let epoch = showing.epoch.unwrap_or_else(|| turn.epoch());
        let reference = turn.references.get(&epoch)?;
        Some(Breach {
            subject: subject.clone(),
            thread: turn.thread,
            n: showing.text.event_at(at)?,
            expected: format!("{} at byte {at} of the attempt at epoch {epoch}", reference.word_at(at)),
            got: showing.text.word_at(at),
        })
    })
}

/// A watcher that still shows a superseded attempt once everybody must have been shown the final one.
fn superseded(watcher: &Watcher<'_>, turn: &Turn<'_>, seen: &Seen<'_>, due: Due) -> Option<Breach> {
    let showing = seen.current().filter(|showing| turn.is_completed() && !showing.text.is_empty())?;
    let settled = matches!(due, Due::Overdue { .. } | Due::Finished { .. });
    let stale = showing.epoch.is_some_and(|epoch| epoch < turn.epoch());
    let agrees = matches!(showing.fit_in(&turn.durable), Fit::Along { .. } | Fit::Unjudged);
    if !settled || !stale || agrees {
        return None;
    }
    Some(Breach {
        subject: format!("{}, turn {}", watcher.label(), turn.id),
        thread: turn.thread,
        n: showing.text.last_event()?,
        expected: format!("a reset and the text of the attempt at epoch {}: {}", turn.epoch(), turn.durable.word_at(0)),
        got: format!("still the attempt that it superseded: {}", showing.text.word_at(0)),
    })
}
