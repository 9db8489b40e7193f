//! Promise 23: a finish that a client was shown is already stored.

use crate::history::Status;
use crate::judge::Promise;
use crate::judge::view::{At, Breach, Probe, View};

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
    let early = view
        .probes
        .iter()
        .filter(|probe| !probe.status.is_some_and(Status::is_terminal) && !is_told_over(view, probe));
    early
        .map(|probe| Breach {
            subject: format!("{}, turn {}", probe.watcher, probe.turn),
            thread: view.turn(probe.turn).and_then(|turn| view.turns[turn].thread),
            n: probe.at.n,
            expected: "a terminal status in the store once the finish was shown".into(),
            got: probe
                .status
                .map_or("no such row".into(), |status| format!("{status:?}")),
        })
        .collect()
}

/// True if a pod had called the turn over by then. A row may be a queue's ticket, which settles after the turn.
fn is_told_over(view: &View<'_>, probe: &Probe<'_>) -> bool {
    let Some(turn) = view.turn(probe.turn) else {
        return false;
    };
    let is_before = |at: At| at.n < probe.at.n;
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
    use crate::history::Status;
    use crate::judge::testing::{probe, takeover};

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
