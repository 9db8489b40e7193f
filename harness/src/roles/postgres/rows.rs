//! Changed rows, read into rows of the history by the tables and columns of the description. Pure.

use super::decoding::{Action, Change, Columns};
use crate::history::{Attempt, Epoch, FeedbackId, MessageId, PodName, Row, ThreadId, TurnId, TurnRow};
use crate::system::{Database, frames};
use crate::wire::text::cut;

/// Longest text of a part that is kept, in bytes: several times the largest answer. Escaped at its worst it is still a line
/// of the history that is read back.
const PART_MAX: usize = 8 << 20;

/// The identity of a row whose newest state is compared. Parts and feedback have none: each change of them is an event.
pub(super) fn identity(row: &Row) -> Option<String> {
    match row {
        Row::Thread { thread, .. } => Some(format!("thread {thread}")),
        Row::Turn(row) => Some(format!("turn {}", row.turn)),
        Row::Part { .. }
        | Row::PartGone { .. }
        | Row::Feedback { .. }
        | Row::FeedbackGone { .. }
        | Row::Unread { .. } => None,
    }
}

pub(super) fn row_of(database: &Database, change: &Change) -> Result<Option<Row>, String> {
    let columns = &change.columns;
    let gone = change.action == Action::Delete;
    if change.table == database.parts {
        let (turn, epoch, seq) = (
            TurnId::from(text(columns, "turn")?),
            Some(epoch(columns)?),
            number(columns, "seq")?,
        );
        return Ok(Some(if gone {
            Row::PartGone { turn, epoch, seq }
        } else {
            Row::Part {
                turn,
                epoch,
                seq,
                text: cut(&text(columns, "text")?, PART_MAX),
            }
        }));
    }
    if database.feedback.as_ref() == Some(&change.table) {
        let item = FeedbackId::from(text(columns, "item")?);
        return Ok(match change.action {
            Action::Insert => Some(Row::Feedback { item }),
            Action::Delete => Some(Row::FeedbackGone { item }),
            Action::Update => None,
        });
    }
    if gone {
        return Ok(None);
    }
    if change.table == database.threads {
        let (status, owner) = (
            status(columns)?,
            columns.get("owner").cloned().flatten().map(PodName::from),
        );
        return Ok(Some(Row::Thread {
            thread: ThreadId::from(text(columns, "id")?),
            status,
            owner,
            attempt: None,
            epoch: Some(epoch(columns)?),
        }));
    }
    if change.table == database.turns {
        let begun = |count: u64| (count > 0).then_some(count);
        return Ok(Some(Row::Turn(Box::new(TurnRow {
            turn: TurnId::from(text(columns, "id")?),
            thread: ThreadId::from(text(columns, "thread")?),
            message: Some(MessageId::from(text(columns, "message")?)),
            status: status(columns)?,
            owner: None,
            attempt: begun(number(columns, "attempt")?).map(|count| Attempt::from(count.to_string())),
            epoch: begun(number(columns, "epoch")?).map(Epoch),
            error: None,
        }))));
    }
    Ok(None)
}

fn text(columns: &Columns, name: &str) -> Result<String, String> {
    columns
        .get(name)
        .cloned()
        .flatten()
        .ok_or_else(|| format!("a changed row has no value in column {name:?}"))
}

fn number(columns: &Columns, name: &str) -> Result<u64, String> {
    let value = text(columns, name)?;
    value
        .parse()
        .map_err(|_| format!("column {name:?} holds {value:?}, which is no count"))
}

fn epoch(columns: &Columns) -> Result<Epoch, String> {
    number(columns, "epoch").map(Epoch)
}

fn status(columns: &Columns) -> Result<crate::history::Status, String> {
    let word = text(columns, "status")?;
    frames::read_status(&word).ok_or_else(|| format!("{word:?} is no known status"))
}

#[cfg(test)]
mod tests {
    use super::super::decoding;
    use super::*;
    use crate::history::Status;
    use crate::system::System;

    fn row(line: &str) -> Result<Option<Row>, String> {
        let Ok(change) = decoding::read(line) else {
            panic!("not a change: {line}")
        };
        row_of(&System::reference().database, &change)
    }

    #[test]
    fn rows_of_the_contract_are_told_and_others_are_not() {
        let thread = row(
            "table public.threads: UPDATE: id[text]:'t' status[text]:'in_progress' owner[text]:'pod-2' epoch[bigint]:4",
        );
        let expected = Row::Thread {
            thread: "t".into(),
            status: Status::InProgress,
            owner: Some("pod-2".into()),
            attempt: None,
            epoch: Some(Epoch(4)),
        };
        assert_eq!(thread, Ok(Some(expected)));
        let part = row("table public.parts: DELETE: turn[text]:'u' epoch[bigint]:1 seq[bigint]:3");
        assert_eq!(
            part,
            Ok(Some(Row::PartGone {
                turn: "u".into(),
                epoch: Some(Epoch(1)),
                seq: 3
            }))
        );
        assert_eq!(row("table public.sessions: INSERT: tenant[text]:'x'"), Ok(None));
        let item = || "f-1".into();
        let feedback = |action: &str| {
            row(&format!(
                "table public.feedback: {action}: key[text]:'a/f-1' item[text]:'f-1'"
            ))
        };
        assert_eq!(feedback("INSERT"), Ok(Some(Row::Feedback { item: item() })));
        assert_eq!(feedback("DELETE"), Ok(Some(Row::FeedbackGone { item: item() })));
        assert_eq!(feedback("UPDATE"), Ok(None), "it is there as it was");
    }

    #[test]
    fn a_part_without_measure_is_cut() {
        let long = "x".repeat(PART_MAX + 1);
        let part =
            format!("table public.parts: INSERT: turn[text]:'u' epoch[bigint]:1 seq[bigint]:3 text[text]:'{long}'");
        let Ok(Some(Row::Part { text, .. })) = row(&part) else {
            panic!("no part")
        };
        assert!(
            text.ends_with("x... (8388609 bytes)") && text.len() < PART_MAX + 100,
            "{} bytes",
            text.len()
        );
    }

    #[test]
    fn a_status_that_nobody_knows_is_an_error_and_not_a_gap() {
        assert!(
            row("table public.threads: INSERT: id[text]:'t' status[text]:'odd' owner[text]:null epoch[bigint]:0")
                .is_err()
        );
    }
}
