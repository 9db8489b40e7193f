//! Promise 23: a finish that a client was shown is already stored.
//!
//! The database is asked right after a watcher is shown a finish. An owner that announces and then commits is faster than this question
//! unless something holds the commit up, such as a fault of its link to the database. The committed rows say the same with less
//! precision: a row is read at most a known time after its commit, so an end whose row comes later than that behind the finish was
//! committed behind it.

use std::collections::BTreeMap;

use crate::history::{Capability, Status, WatcherId};
use crate::judge::Promise;
use crate::judge::view::{At, Breach, Probe, ROW_LATENESS_US, View};

pub(crate) const PROMISE: Promise = Promise {
    number: 23,
    name: "DurableBeforeTerminal",
    statement: "when a watcher is shown a turn's finish, the store already holds the turn as over",
    needs: &[],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let asked = view
        .probes
        .iter()
        .filter(|probe| !probe.status.is_some_and(Status::is_terminal) && !is_told_over(view, probe));
    let mut breaches: Vec<Breach> = asked
        .map(|probe| Breach {
            subject: format!("{}, turn {}", probe.watcher, probe.turn),
            thread: view.turn(probe.turn).and_then(|turn| view.turns[turn].thread),
            n: probe.at.n,
            expected: "a terminal status in the store once the finish was shown".into(),
            got: probe
                .status
                .map_or("no such row".into(), |status| format!("{status:?}")),
        })
        .collect();
    let shown = first_finishes(view).into_iter();
    breaches.extend(shown.filter_map(|(turn, shown)| committed_later(view, turn, shown)));
    breaches
}

/// When a watcher was first shown the finish of each turn, and which watcher.
fn first_finishes(view: &View<'_>) -> BTreeMap<usize, (At, WatcherId)> {
    let mut first: BTreeMap<usize, (At, WatcherId)> = BTreeMap::new();
    for watcher in &view.watchers {
        for (turn, seen) in &watcher.turns {
            if let Some(finish) = seen.finishes.first() {
                let shown = (finish.at, watcher.id);
                let known = first.entry(*turn).or_insert(shown);
                *known = shown.min(*known);
            }
        }
    }
    first
}

/// A turn whose end was committed certainly after a watcher was shown its finish.
fn committed_later(view: &View<'_>, place: usize, (shown, watcher): (At, WatcherId)) -> Option<Breach> {
    let turn = &view.turns[place];
    let ended = turn.terminal()?;
    let by_us = view.faults.deadline(shown.us, ROW_LATENESS_US, None, &view.pods)?;
    if ended.at.us <= by_us || !view.can(Capability::EveryCommit) || is_said_over(view, place, ended.at) {
        return None;
    }
    let before = turn.rows.iter().take_while(|row| row.at.n < ended.at.n).last();
    let status = before.map_or("no row".to_owned(), |row| format!("{:?}", row.status));
    Some(Breach {
        subject: format!("{watcher}, turn {}", turn.id),
        thread: turn.thread,
        n: ended.at.n,
        expected: "a terminal status in the store once the finish was shown".into(),
        got: format!("{status} for {} ms more", (ended.at.us - shown.us) / 1000),
    })
}

/// True if a pod had called the probe's turn over by then.
fn is_told_over(view: &View<'_>, probe: &Probe<'_>) -> bool {
    view.turn(probe.turn)
        .is_some_and(|turn| is_said_over(view, turn, probe.at))
}

/// True if a pod had called the turn over at a moment. A row may be a queue's ticket, which settles after the turn.
fn is_said_over(view: &View<'_>, turn: usize, moment: At) -> bool {
    let is_before = |at: At| at.n < moment.n;
    let mut statuses = view
        .statuses
        .iter()
        .filter(|read| read.turn == turn && is_before(read.at));
    let answers = view
        .reads
        .iter()
        .filter(|read| is_before(read.at))
        .flat_map(|read| read.answers);
    let mut answers = answers.filter(|answer| view.answered(answer) == Some(turn));
    statuses.any(|read| read.status.is_terminal())
        || answers.any(|answer| answer.status.is_some_and(Status::is_terminal))
}

#[cfg(test)]
mod tests {
    use crate::history::{FaultStep, PodEvent, Status, StoreEvent, What};
    use crate::judge::testing::{Play, aimed, fault, probe, read, takeover, thread_row, turn_row};

    const NAME: &str = "DurableBeforeTerminal";

    #[test]
    fn an_end_that_was_committed_when_shown_is_accepted() {
        takeover().keeps(NAME);
    }

    #[test]
    fn an_end_that_was_shown_before_it_was_committed_is_found() {
        for (status, got) in [(Some(Status::InProgress), "InProgress"), (None, "no such row")] {
            let mut play = takeover();
            play.turn_into(&probe(3, Some(Status::Completed)), probe(3, status));
            let finding = play.breaks(NAME);
            assert_eq!(
                (finding.subject.as_str(), finding.got.as_str()),
                ("w3, turn turn-1", got)
            );
        }
    }

    /// The good run, unasked, whose end is committed `late_ms` after it is shown.
    fn announced_first(late_ms: u64) -> Play {
        let mut play = takeover();
        play.without(|what| matches!(what, What::Store(StoreEvent::TerminalProbe { .. })));
        play.without(|what| matches!(what, What::Pod(PodEvent::ThreadRead { .. })));
        for row in [
            turn_row(99, "turn-1", 2, Status::Completed),
            thread_row(99, None, 2, Status::Completed),
        ] {
            play.move_to(1_232 + late_ms, &row);
        }
        play
    }

    #[test]
    fn an_end_whose_row_comes_late_was_committed_late() {
        announced_first(1_000).keeps(NAME);
        let finding = announced_first(1_001).breaks(NAME);
        assert_eq!(finding.subject, "w2, turn turn-1");
        assert_eq!(finding.got, "InProgress for 1001 ms more");
        // The database may have been away, and the row be read once it is back.
        let mut play = announced_first(1_001);
        play.put(1_300, fault(2, "stop", "postgres", aimed()))
            .put(1_400, fault(2, "stop", "postgres", FaultStep::Healed));
        play.keeps(NAME);
        // A queue's ticket may settle after the turn.
        let mut play = announced_first(1_001);
        play.put(1_500, read("pod-3", Status::Completed, "", None));
        play.keeps(NAME);
    }

    #[test]
    fn without_a_probe_nothing_is_judged() {
        let mut play = takeover();
        play.without(|what| {
            matches!(
                what,
                crate::history::What::Store(crate::history::StoreEvent::TerminalProbe { .. })
            )
        });
        play.passes();
    }
}
