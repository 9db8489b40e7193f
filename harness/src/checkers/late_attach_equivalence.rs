//! Promise 3: whoever attaches, whenever and wherever, ends up with what a watcher from the start has.

use super::Promise;
use super::view::{Breach, Due, Fit, Seen, Turn, View, Watcher};

pub(crate) const PROMISE: Promise = Promise {
    number: 3,
    name: "LateAttachEquivalence",
    statement: "each watcher that attached while a completed turn was queued or running, or before, on any pod, shows the \
                turn's whole durable text in the end",
    needs: &[],
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    view.dues().filter_map(|(watcher, turn, seen, due)| check(watcher, turn, seen, due)).collect()
}

fn check(watcher: &Watcher<'_>, turn: &Turn<'_>, seen: Option<&Seen<'_>>, due: Due) -> Option<Breach> {
    let terminal = turn.terminal().filter(|_| turn.is_completed())?;
    let end = match due {
        Due::Finished { finish, .. } => finish.at.n,
        Due::Overdue { .. } => terminal.at.n,
        Due::Nothing | Due::BrokeOff { .. } => return None,
    };
    let whole = &turn.durable;
    let Some(showing) = seen.and_then(Seen::current) else {
        // A tail that resumed past the last token is due the finish alone.
        if whole.is_empty() || (watcher.cursor.is_some() && seen.is_some()) {
            return None;
        }
        return Some(breach(watcher, turn, end, whole.word_at(0), "nothing of the answer".into()));
    };
    if showing.completes(whole) {
        return None;
    }
    let (n, expected, got) = match showing.fit_in(whole) {
        Fit::Apart { at } => (showing.text.event_at(at).unwrap_or(end), whole.word_at(at), showing.text.word_at(at)),
        Fit::Along { from } => {
            let shown = from + showing.text.len();
            (end, whole.word_at(shown), format!("nothing after byte {shown} of {}", whole.len()))
        }
        Fit::Unjudged => (end, "the end of the durable text".into(), showing.text.word_at(0)),
    };
    Some(breach(watcher, turn, n, expected, got))
}

fn breach(watcher: &Watcher<'_>, turn: &Turn<'_>, n: u64, expected: String, got: String) -> Breach {
    Breach { subject: format!("{}, turn {}", watcher.label(), turn.id), thread: turn.thread, n, expected, got }
}
