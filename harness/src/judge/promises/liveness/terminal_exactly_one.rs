//! Promise 20: a turn ends once, in one way, and everybody is shown the same end.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Capability, Status};
use crate::judge::Promise;
use crate::judge::view::{At, Breach, Seen, Turn, View, Watcher};

pub(crate) const PROMISE: Promise = Promise {
    number: 20,
    name: "TerminalExactlyOne",
    statement: "each turn gets at most one terminal status in the store, which absorbs every later one; each watcher is shown \
                at most one finish a turn, with that status, and no pod ever calls it over with another one; where no row says \
                how a turn ended, all are shown the end that the first was shown",
    needs: &[],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut breaches: Vec<Breach> = view.turns.iter().filter_map(left_terminal).collect();
    let first = first_shown(view);
    for watcher in &view.watchers {
        let found = watcher.turns.iter().filter_map(|(turn, seen)| {
            let otherwise = || shown_otherwise(watcher, &view.turns[*turn], seen, first.get(turn)?);
            finish(view, watcher, &view.turns[*turn], seen).or_else(otherwise)
        });
        breaches.extend(found);
    }
    breaches.extend(told_otherwise(view, &first));
    breaches
}

/// An end as a watcher was shown it.
#[derive(Debug, Clone, Copy)]
struct Shown<'v, 'a> {
    at: At,
    status: Status,
    watcher: &'v Watcher<'a>,
}

/// The first end with a status that any watcher was shown of each turn.
fn first_shown<'v, 'a>(view: &'v View<'a>) -> BTreeMap<usize, Shown<'v, 'a>> {
    let mut first: BTreeMap<usize, Shown<'v, 'a>> = BTreeMap::new();
    for watcher in &view.watchers {
        for (turn, seen) in &watcher.turns {
            let with_status = seen
                .finishes
                .iter()
                .find_map(|finish| Some((finish.at, finish.status?)));
            let Some((at, status)) = with_status else { continue };
            let shown = Shown { at, status, watcher };
            let known = first.entry(*turn).or_insert(shown);
            if at < known.at {
                *known = shown;
            }
        }
    }
    first
}

/// A watcher that was shown another end than the first one was, of a turn whose end no row tells.
fn shown_otherwise(watcher: &Watcher<'_>, turn: &Turn<'_>, seen: &Seen<'_>, first: &Shown<'_, '_>) -> Option<Breach> {
    if turn.terminal().is_some() {
        return None;
    }
    let mut shown = seen
        .finishes
        .iter()
        .filter_map(|finish| Some((finish.at.n, finish.status?)));
    let (n, other) = shown.find(|(_, status)| *status != first.status)?;
    Some(Breach {
        subject: format!("{}, turn {}", watcher.label(), turn.id),
        thread: turn.thread,
        n,
        expected: format!("a finish as {:?}, as {} was shown", first.status, first.watcher.label()),
        got: format!("{other:?}"),
    })
}

/// Ends that a pod told of a turn, when it was asked, and that are not the turn's. The final readings of a turn whose end a row tells are
/// held against that row by `LiveDurableAgreement`.
fn told_otherwise(view: &View<'_>, first: &BTreeMap<usize, Shown<'_, '_>>) -> Vec<Breach> {
    let by_readings = view.reads.iter().flat_map(|read| {
        let told = read
            .answers
            .iter()
            .filter_map(|answer| Some((view.answered(answer)?, answer.status?)));
        told.map(move |(turn, status)| (read.at, turn, status, format!("thread read from {}", read.pod)))
    });
    let by_calls = view.statuses.iter();
    let by_calls = by_calls.map(|read| {
        (
            read.at,
            read.turn,
            read.status,
            format!("status read from {}", read.pod),
        )
    });
    let played = view.ending.played.map_or(u64::MAX, |(at, _)| at.n);
    let mut reported = BTreeSet::new();
    let found = by_readings.chain(by_calls).filter_map(|(at, place, status, by)| {
        let turn = &view.turns[place];
        let row = turn.terminal().map(|row| row.status);
        let is_judged = status.is_terminal() && (row.is_none() || at.n < played);
        let end = row.or(first.get(&place).map(|shown| shown.status))?;
        let subject = format!("{by}, turn {}", turn.id);
        let is_other = is_judged && status != end && reported.insert(subject.clone());
        is_other.then(|| Breach {
            subject,
            thread: turn.thread,
            n: at.n,
            expected: format!("{end:?} for good"),
            got: format!("{status:?}"),
        })
    });
    found.collect()
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
