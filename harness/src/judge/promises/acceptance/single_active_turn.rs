//! Promise 15: a thread has one live attempt at a time.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Bound, Capability, Epoch, Row, Status, ThreadId, TurnId};
use crate::judge::facts::overlapping_calls;
use crate::judge::view::{Breach, Line, View};
use crate::judge::{Clause, Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 15,
    name: "SingleActiveTurn",
    statement: "at the end of every transaction a thread has at most one turn in progress, an epoch has one owner, and no two \
                pods call the provider for one turn at once for longer than the lease",
    needs: &[],
    clauses: &[
        Clause {
            name: "one turn of a thread at a time",
            needs: &[Need::Can(Capability::Serial), Need::Can(Capability::EveryCommit)],
        },
        Clause {
            name: "an epoch has one owner",
            needs: &[Need::Can(Capability::Owner), Need::Can(Capability::Epoch)],
        },
        Clause {
            name: "one live attempt of a turn",
            needs: &[Need::Can(Capability::ProviderJournal), Need::Within(Bound::Lease)],
        },
    ],
    has_more: false,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    if view.can(Capability::Serial) && view.can(Capability::EveryCommit) {
        breaches.extend(turns_at_once(view));
    }
    if view.can(Capability::Owner) && view.can(Capability::Epoch) {
        breaches.extend(owners_at_once(view));
    }
    breaches.extend(calls_at_once(view));
    breaches
}

/// Threads with two turns in progress at the end of a transaction; the first time each.
fn turns_at_once(view: &View<'_>) -> Vec<Breach> {
    let mut running: BTreeMap<&ThreadId, BTreeSet<&TurnId>> = BTreeMap::new();
    let mut reported = BTreeSet::new();
    let mut breaches = Vec::new();
    let turns = view.changes().filter_map(|change| match change.row {
        Row::Turn(row) => Some((change, &row.turn, &row.thread, row.status)),
        _ => None,
    });
    let mut turns = turns.peekable();
    let mut touched = BTreeSet::new();
    while let Some((change, turn, thread, status)) = turns.next() {
        let here = running.entry(thread).or_default();
        if status == Status::InProgress {
            here.insert(turn)
        } else {
            here.remove(turn)
        };
        touched.insert(thread);
        // In the middle of a transaction nobody can see what is there.
        if turns.peek().is_some_and(|(next, ..)| next.xid == change.xid) {
            continue;
        }
        for thread in std::mem::take(&mut touched) {
            let here = &running[thread];
            if here.len() > 1 && reported.insert(thread) {
                breaches.push(Breach {
                    subject: format!("thread {thread}"),
                    thread: here.first().and_then(|turn| view.turns[view.turn(turn)?].thread),
                    n: change.at.n,
                    expected: "one turn in progress".into(),
                    got: here.iter().map(|turn| turn.as_str()).collect::<Vec<_>>().join(" and "),
                });
            }
        }
    }
    breaches
}

/// Epochs that were held by two owners, of a thread, or of a turn where turns have owners of their own.
fn owners_at_once(view: &View<'_>) -> Vec<Breach> {
    let check = |line: Line<'_, '_>| {
        let mut owners: BTreeMap<Epoch, &str> = BTreeMap::new();
        // A turn's row without an epoch reads as epoch 0.
        let told = line
            .owners
            .iter()
            .filter(|owned| line.turn.is_none() || owned.epoch.0 > 0);
        told.into_iter().find_map(|owned| {
            let owner = owned.owner?.as_str();
            let first = *owners.entry(owned.epoch).or_insert(owner);
            (first != owner).then(|| Breach {
                subject: view.line_name(&line),
                thread: Some(line.thread),
                n: owned.at.n,
                expected: format!("{first} as the only owner at epoch {}", owned.epoch),
                got: format!("{owner} at the same epoch"),
            })
        })
    };
    view.lines().into_iter().filter_map(check).collect()
}

fn calls_at_once<'v>(view: &'v View<'_>) -> impl Iterator<Item = Breach> + 'v {
    let of_two_pods = |overlap: &overlapping_calls::Overlap<'_, '_>| overlap.earlier.pod != overlap.later.pod;
    overlapping_calls::overlaps(view)
        .into_iter()
        .filter(of_two_pods)
        .map(|overlap| {
            let turn = view
                .turns
                .iter()
                .find(|turn| turn.expect.is_some_and(|expect| expect.key == *overlap.later.key));
            let pod =
                |call: &crate::judge::view::Call<'_>| call.pod.map_or("an unnamed pod".to_owned(), ToString::to_string);
            Breach {
                subject: format!("provider calls for `{}`", overlap.later.key),
                thread: turn.and_then(|turn| turn.thread),
                n: overlap.n,
                expected: format!("one live attempt, or two for at most {} ms", view.bounds.lease_ms),
                got: format!(
                    "{} and {} for {} ms",
                    pod(overlap.earlier),
                    pod(overlap.later),
                    overlap.together_ms
                ),
            }
        })
}

#[cfg(test)]
mod tests {
    use crate::history::Status;
    use crate::judge::testing::{call_ends, call_starts, takeover, thread_row, turn_row};

    const NAME: &str = "SingleActiveTurn";

    #[test]
    fn one_turn_after_another_is_accepted_even_in_one_transaction() {
        let mut play = takeover();
        // The next turn begins in the transaction that ends this one, and is told first.
        play.put(1230, turn_row(99, "turn-2", 3, Status::InProgress));
        play.put(1240, turn_row(120, "turn-2", 3, Status::Completed));
        play.keeps(NAME);
    }

    #[test]
    fn two_turns_in_progress_are_found() {
        let mut play = takeover();
        play.put(1210, turn_row(98, "turn-2", 3, Status::InProgress));
        let finding = play.breaks(NAME);
        assert_eq!(
            (finding.subject.as_str(), finding.got.as_str()),
            ("thread t-1", "turn-1 and turn-2")
        );
    }

    #[test]
    fn two_owners_of_one_epoch_are_found() {
        let mut play = takeover();
        play.put(1202, thread_row(98, Some("pod-3"), 2, Status::InProgress));
        assert_eq!(play.breaks(NAME).got, "pod-3 at the same epoch");
    }

    #[test]
    fn two_pods_that_both_go_on_are_found() {
        let mut play = takeover();
        play.put(1201, call_starts(3, "pod-3"));
        play.move_to(2500, &call_ends(2, "pod-2", "complete"))
            .put(2500, call_ends(3, "pod-3", "complete"));
        let finding = play.breaks(NAME);
        assert_eq!(finding.got, "pod-2 and pod-3 for 1299 ms");
    }
}
