//! Promise 23: an end that a client was shown cannot be lost any more.

use super::Promise;
use super::view::{Breach, View};

pub(crate) const PROMISE: Promise = Promise {
    number: 23,
    name: "DurableBeforeTerminal",
    statement: "when a watcher is shown a turn's finish, the store already holds the turn as over",
    needs: &[],
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let early = view.probes.iter().filter(|probe| !probe.status.is_some_and(crate::history::Status::is_terminal));
    early
        .map(|probe| Breach {
            subject: format!("{}, turn {}", probe.watcher, probe.turn),
            thread: view.turn(probe.turn).and_then(|turn| view.turns[turn].thread),
            n: probe.at.n,
            expected: "a terminal status in the store once the finish was shown".into(),
            got: probe.status.map_or("no such row".into(), |status| format!("{status:?}")),
        })
        .collect()
}
