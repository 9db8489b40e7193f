//! Promise 20: a turn ends once, in one way, and everybody is shown the same end.

use crate::history::{Capability, Status};
use crate::judge::Promise;
use crate::judge::view::{Breach, Seen, Turn, View, Watcher};

pub(crate) const PROMISE: Promise = Promise {
    number: 20,
    name: "TerminalExactlyOne",
    statement: "each turn gets at most one terminal status in the store, which absorbs every later one; each watcher is shown \
                at most one finish a turn, with that status",
    needs: &[],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut breaches: Vec<Breach> = view.turns.iter().filter_map(left_terminal).collect();
    for watcher in &view.watchers {
        breaches.extend(
            watcher
                .turns
                .iter()
                .filter_map(|(turn, seen)| finish(view, watcher, &view.turns[*turn], seen)),
        );
    }
    breaches
}

fn left_terminal(turn: &Turn<'_>) -> Option<Breach> {
    let terminal = turn.terminal()?;
    let mut later = turn.rows.iter().filter(|row| row.at.n > terminal.at.n);
    let other = later.find(|row| row.status != terminal.status);
    let other = other.map(|row| (row.at.n, format!("{:?}", row.status)));
    let gone = turn.gone.filter(|(gone, _)| gone.n > terminal.at.n);
    let gone = gone.map(|(gone, _)| (gone.n, "its row was removed".to_owned()));
    let (n, got) = other.or(gone)?;
    Some(Breach {
        subject: format!("turn {}", turn.id),
        thread: turn.thread,
        n,
        expected: format!("{:?} for good", terminal.status),
        got,
    })
}

/// A finish's status behind a joining word; nothing where the frame says none.
fn as_status(joint: &str, status: Option<Status>) -> String {
    status.map_or(String::new(), |status| format!("{joint}{status:?}"))
}

fn finish(view: &View<'_>, watcher: &Watcher<'_>, turn: &Turn<'_>, seen: &Seen<'_>) -> Option<Breach> {
    let breach = |n: u64, expected: String, got: String| {
        Some(Breach {
            subject: format!("{}, turn {}", watcher.label(), turn.id),
            thread: turn.thread,
            n,
            expected,
            got,
        })
    };
    let first = seen.finishes.first()?;
    // A resync repeats the newest turn, finish included.
    let pairs = seen.finishes.iter().zip(seen.finishes.iter().skip(1));
    let twice = pairs
        .map(|(before, after)| (before.resyncs == after.resyncs, after))
        .find(|(same, _)| *same);
    if let Some((_, again)) = twice {
        return breach(
            again.at.n,
            "one finish".into(),
            format!("a second one{}", as_status(", ", again.status)),
        );
    }
    match turn.terminal() {
        Some(terminal) => {
            let is_other = |status: &Status| *status != terminal.status;
            let mut shown = seen
                .finishes
                .iter()
                .filter_map(|finish| Some((finish.at.n, finish.status?)));
            let (n, other) = shown.find(|(_, status)| is_other(status))?;
            breach(n, format!("a finish as {:?}", terminal.status), format!("{other:?}"))
        }
        // Its row can be some milliseconds behind the frame, but not behind the final state.
        None if view.ending.quiesced.is_some() && view.can(Capability::EveryCommit) => {
            let got = format!(
                "a finish{} of a turn that the store never ended",
                as_status(" as ", first.status)
            );
            breach(first.at.n, "a finish of a turn that is over".into(), got)
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{Row, RunEvent, Status, StoreEvent, What};
    use crate::judge::testing::{finish, gone, resync, start, takeover, turn_row};

    const NAME: &str = "TerminalExactlyOne";

    #[test]
    fn one_end_that_all_are_told_is_accepted() {
        takeover().keeps(NAME);
    }

    #[test]
    fn an_end_that_is_left_again_is_found() {
        let mut play = takeover();
        play.put(1300, turn_row(110, "turn-1", 2, Status::Lost));
        let finding = play.breaks(NAME);
        assert_eq!(
            (finding.expected.as_str(), finding.got.as_str()),
            ("Completed for good", "Lost")
        );
    }

    #[test]
    fn an_end_whose_row_is_removed_is_found() {
        let mut play = takeover();
        play.put(1300, gone(110, Row::TurnGone { turn: "turn-1".into() }));
        assert_eq!(play.breaks(NAME).got, "its row was removed");
        // The same transaction may write the row anew.
        play.put(1300, turn_row(110, "turn-1", 2, Status::Completed));
        play.keeps(NAME);
    }

    #[test]
    fn a_second_finish_is_found_but_after_a_resync() {
        let mut play = takeover();
        play.put(1240, finish(3, 2, 8, Status::Completed));
        assert_eq!(play.breaks(NAME).subject, "w3 on pod-3, turn turn-1");
        let mut play = takeover();
        play.put(1240, resync(3))
            .put(1240, start(3, 2, true))
            .put(1240, finish(3, 2, 7, Status::Completed));
        play.keeps(NAME);
    }

    #[test]
    fn a_finish_that_tells_another_end_is_found() {
        let mut play = takeover();
        play.turn_into(&finish(3, 2, 7, Status::Completed), finish(3, 2, 7, Status::Failed));
        assert_eq!(play.breaks(NAME).got, "Failed");
    }

    #[test]
    fn a_finish_of_a_turn_that_never_ends_is_found_once_the_final_state_is_known() {
        let mut play = takeover();
        play.without(|what| *what == turn_row(99, "turn-1", 2, Status::Completed));
        play.without(|what| matches!(what, What::Store(StoreEvent::TerminalProbe { .. })));
        play.breaks(NAME);
        play.without(|what| matches!(what, What::Run(RunEvent::Quiesced)));
        play.keeps(NAME);
    }
}
