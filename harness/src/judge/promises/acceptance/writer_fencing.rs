//! Promise 16: once a newer epoch is claimed, an older one changes nothing that is stored or shown.
//!
//! The history has the store's changes in commit order, so "after the claim" is exact there, except within one
//! transaction, where the order means nothing. On a screen the order of frames decides. A terminal turn never
//! changes, by any writer.

use std::collections::BTreeMap;

use crate::history::{Attempt, Capability, Chunk, Epoch, Row, ThreadId};
use crate::judge::view::{Breach, Change, Turn, TurnRow, View, Watcher};
use crate::judge::{Clause, Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 16,
    name: "WriterFencing",
    statement: "after the commit that raises a thread to an epoch no part, turn or thread row is written under \
                an older one, a terminal turn and its answer never change, and no screen shows text of an older \
                epoch after a newer one",
    needs: &[Need::Can(Capability::EveryCommit)],
    clauses: &[
        Clause {
            name: "nothing under an older epoch",
            needs: &[Need::Can(Capability::Epoch)],
        },
        Clause {
            name: "an attempt never falls",
            needs: &[Need::Can(Capability::Attempt)],
        },
    ],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    if view.can(Capability::Epoch) {
        breaches.extend(late_rows(view));
        breaches.extend(view.turns.iter().filter_map(epoch_fell));
    } else {
        breaches.extend(view.turns.iter().filter_map(attempt_fell));
        breaches.extend(view.watchers.iter().filter_map(|watcher| went_back(view, watcher)));
    }
    breaches.extend(view.turns.iter().filter_map(changed_after_terminal));
    breaches.extend(view.watchers.iter().filter_map(late_frame));
    breaches
}

/// Newest epoch of a thread, and the transaction that raised it.
type Raised<'a> = BTreeMap<&'a ThreadId, (Epoch, u64)>;

/// Thread and part rows written under an epoch that was superseded; the first of each thread and turn.
fn late_rows(view: &View<'_>) -> Vec<Breach> {
    let mut raised = Raised::new();
    let mut breaches: BTreeMap<String, Breach> = BTreeMap::new();
    for change in view.changes() {
        if let Some(breach) = late_row(view, &change, &mut raised) {
            breaches.entry(breach.subject.clone()).or_insert(breach);
        }
    }
    breaches.into_values().collect()
}

fn late_row<'a>(view: &View<'a>, change: &Change<'a>, raised: &mut Raised<'a>) -> Option<Breach> {
    let (subject, thread, epoch) = match change.row {
        Row::Thread {
            thread,
            epoch: Some(epoch),
            ..
        } => {
            let newest = raised.entry(thread).or_insert((*epoch, change.xid));
            if *epoch > newest.0 {
                *newest = (*epoch, change.xid);
            }
            (format!("row of thread {thread}"), thread, *epoch)
        }
        Row::Part {
            turn,
            epoch: Some(epoch),
            ..
        } => {
            let thread = view.turns[view.turn(turn)?].thread?;
            (format!("parts of turn {turn}"), view.threads[thread].id, *epoch)
        }
        _ => return None,
    };
    let (newest, xid) = *raised.get(thread)?;
    if epoch >= newest || xid == change.xid {
        return None;
    }
    Some(Breach {
        subject,
        thread: view.threads.iter().position(|known| known.id == thread),
        n: change.at.n,
        expected: format!("nothing under an epoch below {newest}"),
        got: format!("a row written under epoch {epoch}"),
    })
}

fn epoch_fell(turn: &Turn<'_>) -> Option<Breach> {
    let mut pairs = turn.rows.iter().zip(turn.rows.iter().skip(1));
    let (before, after) = pairs.find(|(before, after)| after.epoch < before.epoch && after.xid != before.xid)?;
    Some(Breach {
        subject: format!("row of turn {}", turn.id),
        thread: turn.thread,
        n: after.at.n,
        expected: format!("epoch {} or above", before.epoch),
        got: format!("epoch {}", after.epoch),
    })
}

/// A row on which the number of the attempt falls, where attempts are numbers.
fn attempt_fell(turn: &Turn<'_>) -> Option<Breach> {
    let number = |row: &TurnRow<'_>| row.attempt?.as_str().parse::<u64>().ok();
    let mut pairs = turn.rows.iter().zip(turn.rows.iter().skip(1));
    let (after, was, is) = pairs.find_map(|(before, after)| {
        let (was, is) = (number(before)?, number(after)?);
        (is < was && after.xid != before.xid).then_some((after, was, is))
    })?;
    Some(Breach {
        subject: format!("row of turn {}", turn.id),
        thread: turn.thread,
        n: after.at.n,
        expected: format!("attempt {was} or above"),
        got: format!("attempt {is}"),
    })
}

/// A screen that was shown text of an older attempt behind that of a newer one, where tokens alone tell attempts apart.
fn went_back(view: &View<'_>, watcher: &Watcher<'_>) -> Option<Breach> {
    watcher.turns.iter().find_map(|(place, seen)| {
        let turn = &view.turns[*place];
        let key = turn.expect?.key.as_str();
        let runs: Vec<_> = seen
            .showings
            .iter()
            .flat_map(|showing| showing.text.call_runs())
            .collect();
        let own: Vec<_> = runs.iter().filter(|run| run.key == key).collect();
        let (newer, late) = own
            .iter()
            .zip(own.iter().skip(1))
            .find(|(before, after)| after.call < before.call)?;
        Some(Breach {
            subject: format!("{}, turn {}", watcher.label(), turn.id),
            thread: turn.thread,
            n: late.n,
            expected: format!("nothing of an attempt before call {}", newer.call),
            got: format!("`{}`, of call {}", late.first, late.call),
        })
    })
}

fn changed_after_terminal(turn: &Turn<'_>) -> Option<Breach> {
    let terminal = turn.terminal()?;
    let breach = |n: u64, expected: String, got: String| {
        Some(Breach {
            subject: format!("turn {} after its end", turn.id),
            thread: turn.thread,
            n,
            expected,
            got,
        })
    };
    let same = |row: &&TurnRow<'_>| {
        (row.status, row.attempt, row.epoch) == (terminal.status, terminal.attempt, terminal.epoch)
    };
    let later = turn
        .rows
        .iter()
        .filter(|row| row.at.n > terminal.at.n && row.xid != terminal.xid);
    if let Some(row) = later.clone().find(|row| !same(row)) {
        return breach(
            row.at.n,
            format!(
                "{:?} at epoch {}, attempt {}",
                terminal.status,
                terminal.epoch,
                attempt(terminal)
            ),
            format!("{:?} at epoch {}, attempt {}", row.status, row.epoch, attempt(row)),
        );
    }
    let ended_by = turn
        .rows
        .iter()
        .take_while(|row| row.at <= terminal.at)
        .filter_map(|row| row.owner)
        .last();
    let taken = later.into_iter().find_map(|row| Some((row, row.owner?)));
    if let Some((row, owner)) = taken.filter(|(_, owner)| ended_by.is_some_and(|ended_by| ended_by != *owner)) {
        return breach(
            row.at.n,
            "no other owner than the one that ended it".into(),
            format!("owned by {owner}"),
        );
    }
    // Parts of the terminal's own transaction may follow it.
    let late = |part: &&crate::judge::view::PartRow<'_>| part.n > terminal.at.n && part.xid != terminal.xid;
    let part = turn.parts.values().flatten().filter(late).min_by_key(|part| part.n)?;
    breach(part.n, "no more parts".into(), crate::judge::view::oneline(part.text))
}

fn attempt<'a>(row: &TurnRow<'a>) -> &'a str {
    row.attempt.map_or("none", Attempt::as_str)
}

fn late_frame(watcher: &Watcher<'_>) -> Option<Breach> {
    let mut newest: Option<Epoch> = None;
    watcher.frames().find_map(|frame| {
        // Frames that a resync repeats are not late.
        if matches!(frame.chunk, Chunk::Resync { .. }) {
            newest = None;
        }
        // A start may name its epoch and have no id.
        let of_start = match frame.chunk {
            Chunk::Start(start) => start.epoch,
            _ => None,
        };
        let epoch = frame.cursor.and_then(|cursor| cursor.epoch).or(of_start)?;
        if let Some(newest) = newest.filter(|newest| epoch < *newest) {
            return Some(Breach {
                subject: watcher.label(),
                thread: Some(watcher.thread),
                n: frame.at.n,
                expected: format!("no frame under an epoch below {newest}"),
                got: format!("a frame under epoch {epoch}"),
            });
        }
        newest = Some(epoch);
        None
    })
}

#[cfg(test)]
mod tests {
    use crate::history::Status;
    use crate::judge::testing::{delta, part, takeover, thread_row, token, turn_row};

    const NAME: &str = "WriterFencing";

    #[test]
    fn a_takeover_without_late_writes_is_accepted() {
        takeover().keeps(NAME);
    }

    #[test]
    fn a_part_of_an_old_epoch_is_found() {
        let mut play = takeover();
        play.put(1206, part(98, 1, 4, token(1, 4)));
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "parts of turn turn-1");
        assert_eq!(finding.got, "a row written under epoch 1");
        assert_eq!(finding.owner_before.as_deref(), Some("pod-2 at epoch 2"));
    }

    #[test]
    fn rows_that_fall_back_to_an_old_epoch_are_found() {
        let mut play = takeover();
        play.put(1206, thread_row(98, Some("pod-1"), 1, Status::InProgress));
        assert_eq!(play.breaks(NAME).subject, "row of thread t-1");

        let mut play = takeover();
        play.put(1206, turn_row(98, "turn-1", 1, Status::InProgress));
        assert_eq!(play.breaks(NAME).subject, "row of turn turn-1");
    }

    #[test]
    fn a_terminal_turn_that_changes_is_found() {
        let mut play = takeover();
        play.put(1300, turn_row(110, "turn-1", 2, Status::Failed));
        assert_eq!(play.breaks(NAME).subject, "turn turn-1 after its end");

        let mut play = takeover();
        play.put(1300, part(110, 2, 7, "more "));
        assert_eq!(play.breaks(NAME).got, "more ");
    }

    #[test]
    fn a_terminal_row_that_is_written_again_as_it_is_and_parts_of_its_own_transaction_are_accepted() {
        let mut play = takeover();
        play.put(1300, turn_row(110, "turn-1", 2, Status::Completed));
        play.turn_into(&part(46, 2, 6, token(2, 6)), part(99, 2, 6, token(2, 6)));
        play.move_to(1231, &part(99, 2, 6, token(2, 6)));
        play.passes();
    }

    #[test]
    fn a_late_frame_on_a_screen_is_found() {
        let mut play = takeover();
        play.put(1206, delta(2, 1, 4, token(1, 4)));
        let finding = play.breaks(NAME);
        assert_eq!(
            (finding.subject.as_str(), finding.got.as_str()),
            ("w2 on pod-2", "a frame under epoch 1")
        );
    }
}
