//! Promise 23: a finish that a client was shown is already stored.

use crate::judge::Promise;
use crate::judge::view::{Breach, View};

pub(crate) const PROMISE: Promise = Promise {
    number: 23,
    name: "DurableBeforeTerminal",
    statement: "when a watcher is shown a turn's finish, the store already holds the turn as over",
    needs: &[],
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let early = view
        .probes
        .iter()
        .filter(|probe| !probe.status.is_some_and(crate::history::Status::is_terminal));
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
