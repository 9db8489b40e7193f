//! Promise 20: a turn ends once, in one way, and everybody is told the same end.

use super::Promise;
use super::view::{Breach, Seen, Turn, View, Watcher};

pub(crate) const PROMISE: Promise = Promise {
    number: 20,
    name: "TerminalExactlyOne",
    statement: "each turn gets at most one terminal status in the store, which absorbs every later one; each watcher is shown \
                at most one finish a turn, with that status",
    needs: &[],
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut breaches: Vec<Breach> = view.turns.iter().filter_map(left_terminal).collect();
    for watcher in &view.watchers {
        breaches.extend(watcher.turns.iter().filter_map(|(turn, seen)| finish(view, watcher, &view.turns[*turn], seen)));
    }
    breaches
}

fn left_terminal(turn: &Turn<'_>) -> Option<Breach> {
    let terminal = turn.terminal()?;
    let other = turn.rows.iter().find(|row| row.at.n > terminal.at.n && row.status != terminal.status)?;
    Some(Breach {
        subject: format!("turn {}", turn.id),
        thread: turn.thread,
        n: other.at.n,
        expected: format!("{:?} for good", terminal.status),
        got: format!("{:?}", other.status),
    })
}

fn finish(view: &View<'_>, watcher: &Watcher<'_>, turn: &Turn<'_>, seen: &Seen<'_>) -> Option<Breach> {
    let breach = |n: u64, expected: String, got: String| {
        Some(Breach { subject: format!("{}, turn {}", watcher.label(), turn.id), thread: turn.thread, n, expected, got })
    };
    let first = seen.finishes.first()?;
    // After a resync the newest turn is told again, finish and all.
    let twice = seen.finishes.array_windows().find(|[before, after]| before.resyncs == after.resyncs);
    if let Some([_, again]) = twice {
        return breach(again.at.n, "one finish".into(), format!("a second one, {:?}", again.status));
    }
    match turn.terminal() {
        Some(terminal) => {
            let other = seen.finishes.iter().find(|finish| finish.status != terminal.status)?;
            breach(other.at.n, format!("a finish as {:?}", terminal.status), format!("{:?}", other.status))
        }
        // Its row can be some milliseconds behind the frame, but not behind the final state.
        None if view.ending.quiesced.is_some() => {
            let got = format!("a finish as {:?} of a turn that the store never ended", first.status);
            breach(first.at.n, "a finish of a turn that is over".into(), got)
        }
        None => None,
    }
}
