//! Promise 10: a turn is independent of the turn before it.
//!
//! A request about an old turn must not affect the next one: a cancel stops only the turn in flight, and a turn
//! that nobody cancelled does not end as cancelled. Output of the old turn must not appear in the new one: a
//! turn's text holds no token of another turn, no frame of an older turn follows one of a newer turn, and no two
//! turns share an epoch.

use std::collections::{BTreeMap, HashMap};

use crate::history::{Capability, Chunk, Epoch, Outcome, Status};
use crate::judge::view::{Breach, Holder, Turn, View, Watcher};
use crate::judge::{Clause, Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 10,
    name: "EpochIsolation",
    statement: "a turn is cancelled only by a cancel of its own, asked for after it was posted; no turn's text \
                holds tokens of another; on a screen no frame of an older turn follows one of a newer, except \
                after a resync; no two turns share an epoch",
    needs: &[],
    clauses: &[
        Clause {
            name: "cancels",
            needs: &[Need::Can(Capability::Cancel)],
        },
        Clause {
            name: "no frame of an older turn behind a newer one",
            needs: &[Need::Can(Capability::ThreadTail)],
        },
        Clause {
            name: "an epoch belongs to one turn",
            needs: &[Need::Can(Capability::Epoch)],
        },
    ],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut breaches: Vec<Breach> = (0..view.threads.len())
        .flat_map(|thread| of_thread(view, thread))
        .collect();
    breaches.extend(view.watchers.iter().filter_map(|watcher| late_frame(view, watcher)));
    breaches.extend(polluted(view));
    breaches
}

fn of_thread(view: &View<'_>, thread: usize) -> Vec<Breach> {
    let turns: Vec<&Turn<'_>> = view.threads[thread]
        .turns
        .iter()
        .map(|place| &view.turns[*place])
        .collect();
    let mut breaches = Vec::new();
    if view.can(Capability::Cancel) {
        breaches.extend(cancelled_for_nothing(view, thread, &turns));
    }
    if view.can(Capability::Epoch) {
        breaches.extend(shared_epoch(thread, &turns));
    }
    breaches
}

/// Turns that ended as cancelled without a cancel that could be theirs. Each cancel stops one turn.
fn cancelled_for_nothing(view: &View<'_>, thread: usize, turns: &[&Turn<'_>]) -> Vec<Breach> {
    let taken = |outcome: &Outcome<()>| !matches!(outcome, Outcome::Failed { .. });
    let cancels = view.threads[thread].cancels.iter().map(|place| &view.cancels[*place]);
    let taken = cancels.filter(|cancel| taken(cancel.outcome));
    let mut cancels: Vec<u64> = taken.map(|cancel| cancel.at.n).collect();
    // Turns in order, cancels in order: the first cancel that was answered after a turn was posted is its own.
    cancels.reverse();
    let mut breaches = Vec::new();
    for turn in turns {
        let Some(ended) = turn.terminal().filter(|row| row.status == Status::Cancelled) else {
            continue;
        };
        let posted = turn.asked().map_or(0, |at| at.n);
        while cancels.last().is_some_and(|n| *n < posted) {
            cancels.pop();
        }
        if cancels.pop().is_none() {
            breaches.push(Breach {
                subject: format!("turn {}", turn.id),
                thread: Some(thread),
                n: ended.at.n,
                expected: "another end: nobody cancelled it".into(),
                got: format!("{:?}", ended.status),
            });
        }
    }
    breaches
}

fn shared_epoch(thread: usize, turns: &[&Turn<'_>]) -> Option<Breach> {
    let mut whose: BTreeMap<Epoch, &Turn<'_>> = BTreeMap::new();
    turns.iter().find_map(|turn| {
        turn.rows.iter().filter(|row| row.epoch.0 > 0).find_map(|row| {
            let first = *whose.entry(row.epoch).or_insert(turn);
            (first.id != turn.id).then(|| Breach {
                subject: format!("turn {}", turn.id),
                thread: Some(thread),
                n: row.at.n,
                expected: format!("an epoch of its own: epoch {} belongs to turn {}", row.epoch, first.id),
                got: format!("epoch {}", row.epoch),
            })
        })
    })
}

/// The first frame of an older turn behind one of a newer.
fn late_frame(view: &View<'_>, watcher: &Watcher<'_>) -> Option<Breach> {
    if watcher.turn.is_some() {
        return None;
    }
    let mut newest: Option<(usize, &Turn<'_>)> = None;
    let mut last = None;
    watcher.frames().find_map(|frame| {
        if matches!(frame.chunk, Chunk::Resync { .. }) {
            newest = None;
        }
        let turn = &view.turns[view.turn_again(frame.chunk.turn()?, &mut last)?];
        let order = turn.order.filter(|_| turn.thread == Some(watcher.thread))?;
        match newest {
            Some((there, newer)) if order < there => Some(Breach {
                subject: watcher.label(),
                thread: Some(watcher.thread),
                n: frame.at.n,
                expected: format!("nothing more of turn {} after the start of turn {}", turn.id, newer.id),
                got: crate::judge::view::name(frame.chunk),
            }),
            _ => {
                newest = Some((order, turn));
                None
            }
        }
    })
}

/// Texts with tokens of another turn of the same thread in them; the first of each turn.
fn polluted(view: &View<'_>) -> Vec<Breach> {
    if view.mixed_texts.is_empty() {
        return Vec::new();
    }
    let keys: HashMap<&str, &Turn<'_>> = view
        .turns
        .iter()
        .filter_map(|turn| Some((turn.expect?.key.as_str(), turn)))
        .collect();
    let mut found: BTreeMap<usize, Breach> = BTreeMap::new();
    // Other promises compare what a pod returns with what is stored.
    let held = view
        .mixed_texts
        .iter()
        .filter(|mixed| !matches!(mixed.by, Holder::Reading(_)));
    for (place, mixed) in held.filter_map(|mixed| Some((mixed.place?, mixed))) {
        let turn = &view.turns[place];
        let foreign = mixed.call_runs.iter().find_map(|run| {
            let other = keys.get(run.key.as_str())?;
            (other.id != turn.id && other.thread == turn.thread).then_some((run, other))
        });
        if let Some((run, other)) = foreign {
            found.entry(place).or_insert_with(|| Breach {
                subject: mixed.holder(),
                thread: turn.thread,
                n: run.n,
                expected: format!("tokens of turn {} only", turn.id),
                got: format!("`{}`, of turn {}", run.first, other.id),
            });
        }
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use mock_ai::token::Answer;

    use crate::history::{Chunk, Epoch, Outcome, Start, Status, StoreEvent, What};
    use crate::judge::testing::{Play, accepted, cancelled, delta, frame_of, part, posted, takeover, turn_row};

    const NAME: &str = "EpochIsolation";

    /// The good run, with a second turn on the thread that ends as `status`.
    fn second(status: Status) -> Play {
        let mut play = takeover();
        play.put(1_300, posted(2, "t-1", "m-2", "key-2"))
            .put(1_301, accepted(2, "turn-2"));
        play.put(1_302, turn_row(120, "turn-2", 3, Status::InProgress));
        play.put(1_310, turn_row(121, "turn-2", 3, status));
        play
    }

    #[test]
    fn turns_of_their_own_are_accepted() {
        takeover().keeps(NAME);
        second(Status::Completed).keeps(NAME);
        let mut play = second(Status::Cancelled);
        play.put(1_305, cancelled("pod-3", Outcome::Ok(())));
        play.keeps(NAME);
        // A turn can be stopped before the post that made it is answered.
        let mut play = second(Status::Cancelled);
        play.move_to(1_309, &accepted(2, "turn-2"));
        play.put(1_305, cancelled("pod-3", Outcome::Ok(())));
        play.keeps(NAME);
    }

    #[test]
    fn a_turn_that_an_old_cancel_kills_is_found() {
        let mut play = second(Status::Cancelled);
        play.put(1_225, cancelled("pod-3", Outcome::Ok(())));
        let finding = play.breaks(NAME);
        assert_eq!(
            (finding.subject.as_str(), finding.got.as_str()),
            ("turn turn-2", "Cancelled")
        );
        second(Status::Cancelled).breaks(NAME);
        // One cancel does not stop two turns, even if the second was waiting already.
        let mut play = second(Status::Cancelled);
        play.turn_into(
            &turn_row(99, "turn-1", 2, Status::Completed),
            turn_row(99, "turn-1", 2, Status::Cancelled),
        );
        play.put(1_305, cancelled("pod-3", Outcome::Ok(())));
        assert_eq!(play.breaks(NAME).subject, "turn turn-2");
    }

    #[test]
    fn a_cancel_that_nobody_knows_the_outcome_of_may_have_been_taken() {
        let mut play = second(Status::Cancelled);
        let reason = "time-out".into();
        play.put(1_305, cancelled("pod-3", Outcome::Unknown { reason }));
        play.keeps(NAME);
    }

    #[test]
    fn a_token_of_another_turn_is_found_on_a_screen_and_in_the_store() {
        let other = Answer::new("key-2", 1, 6).texts().next().expect("a token");
        let mut play = second(Status::Completed);
        play.turn_into(
            &delta(3, 2, 4, crate::judge::testing::token(2, 4)),
            delta(3, 2, 4, other.clone()),
        );
        assert!(play.breaks(NAME).got.starts_with("`~key-2.c1.k1."));
        let mut play = second(Status::Completed);
        let own = crate::judge::testing::token(2, 4);
        play.turn_into(&part(44, 2, 4, own), part(44, 2, 4, other));
        assert_eq!(play.breaks(NAME).expected, "tokens of turn turn-1 only");
    }

    #[test]
    fn a_late_frame_and_a_shared_epoch_are_found() {
        let mut play = second(Status::Completed);
        let start = Chunk::Start(Box::new(Start {
            turn: "turn-2".into(),
            epoch: Some(Epoch(3)),
            reset: false,
            answer: None,
        }));
        play.put(1_303, frame_of(3, Some((3, 0)), start));
        play.keeps(NAME);
        play.put(1_304, delta(3, 2, 8, "late "));
        assert_eq!(play.breaks(NAME).got, "text `late` of turn turn-1");

        let mut play = takeover();
        play.put(1_302, turn_row(120, "turn-2", 0, Status::Queued));
        let mut row = turn_row(121, "turn-2", 2, Status::InProgress);
        if let What::Store(StoreEvent::Row { xid, .. }) = &mut row {
            *xid = 122;
        }
        play.put(1_310, row);
        assert_eq!(
            play.breaks(NAME).expected,
            "an epoch of its own: epoch 2 belongs to turn turn-1"
        );
    }
}
