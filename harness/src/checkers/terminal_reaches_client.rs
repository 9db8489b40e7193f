//! Promise 21: nobody is left with a spinner.

use super::Promise;
use super::view::{Breach, Due, Turn, View, Watcher};

pub(crate) const PROMISE: Promise = Promise {
    number: 21,
    name: "TerminalReachesClient",
    statement: "every watcher that attached before a turn was over, and did not leave or lose its pod, is shown the finish \
                within the bound after the terminal is committed",
    needs: &[],
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    view.dues().filter_map(|(watcher, turn, _, due)| check(view, watcher, turn, due)).collect()
}

fn check(view: &View<'_>, watcher: &Watcher<'_>, turn: &Turn<'_>, due: Due) -> Option<Breach> {
    let terminal = turn.terminal()?;
    let bound_ms = view.bounds.terminal_ms;
    let since_ms = |us: u64| us.saturating_sub(terminal.at.us) / 1000;
    let (n, got) = match due {
        Due::Finished { finish, by_us: Some(by_us) } if finish.at.us > by_us => {
            (finish.at.n, format!("a finish {} ms after it", since_ms(finish.at.us)))
        }
        Due::Overdue { by_us } => {
            // Watched to here at least; the history may go on far beyond.
            (terminal.at.n, format!("no finish, {} ms after it", since_ms(by_us)))
        }
        Due::BrokeOff { at } => {
            let end = watcher.closed.map(|(_, end)| format!("{end:?}")).unwrap_or_default();
            (at.n, format!("the tail ended without it: {}", super::view::oneline(&end)))
        }
        Due::Nothing | Due::Finished { .. } => return None,
    };
    Some(Breach {
        subject: format!("{}, turn {}", watcher.label(), turn.id),
        thread: turn.thread,
        n,
        expected: format!("a finish within {bound_ms} ms of the terminal row ({:?})", terminal.status),
        got,
    })
}
