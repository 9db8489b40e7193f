//! Changed rows, read into rows of the history by the tables and columns of the description. Pure.

use super::decoding::{Action, Change, Columns};
use super::piece::Piece;
use crate::history::{Epoch, FeedbackId, Row, Status, TurnId};
use crate::system::language::Values;
use crate::system::stored::{Column, RowKind, RowRule, Tables};
use crate::wire::text::cut;

/// Longest text of a part that is kept, in bytes: several times the largest answer. Escaped at its worst it is still a line
/// of the history that is read back.
const PART_MAX: usize = 8 << 20;
/// Longest value that a problem shows, in bytes.
const SHOWN: usize = 200;

/// The reading of a change by one rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// A row by itself: a part, feedback, or a value that cannot be read.
    Row(Row),
    /// The piece that the table tells of a thread or turn; other tables may tell more.
    Piece {
        kind: RowKind,
        /// Place of the rule.
        rule: usize,
        piece: Piece,
        /// Keys of the rule that the change did not tell, because they are as before.
        unsaid: Vec<&'static str>,
    },
    /// The piece was removed from its table.
    Gone {
        kind: RowKind,
        /// Place of the rule.
        rule: usize,
        /// Id of the thread or turn.
        id: String,
    },
}

/// A change, read by each rule of its table. A value that cannot be read is a row that says so.
pub(super) fn read(tables: &Tables, change: &Change) -> Vec<Read> {
    let rules = tables.named(&change.schema, &change.table);
    rules
        .filter_map(|(place, rule)| Reading { tables, rule, change }.read(place))
        .collect()
}

/// A change, read by one rule.
struct Reading<'r> {
    tables: &'r Tables,
    rule: &'r RowRule,
    change: &'r Change,
}

/// Why there is no row.
enum Without {
    /// The change says nothing of this kind: the row is of something else, or was told only in part.
    Row,
    /// A value cannot be read.
    Reading(Row),
}

impl Reading<'_> {
    fn read(&self, place: usize) -> Option<Read> {
        let read = match self.rule.is {
            RowKind::Thread | RowKind::Turn => self.piece(place),
            RowKind::Part => self.part().map(Read::Row),
            RowKind::Feedback => self.feedback().map(Read::Row),
        };
        match read {
            Ok(read) => Some(read),
            Err(Without::Reading(row)) => Some(Read::Row(row)),
            Err(Without::Row) => None,
        }
    }

    /// The piece that the row tells of its thread or turn.
    fn piece(&self, rule: usize) -> Result<Read, Without> {
        let kind = self.rule.is;
        let key = if kind == RowKind::Thread { "thread" } else { "turn" };
        if self.change.action == Action::Delete {
            // A removal tells the columns of the table's key alone.
            let id = self.value(key).ok_or(Without::Row)?;
            return Ok(Read::Gone { kind, rule, id });
        }
        self.needed(key)?;
        let columns = self.rule.columns();
        let is_unsaid = |column: &Column| !self.change.columns.contains_key(column.name());
        let unsaid = columns.filter(|(_, column)| self.change.action == Action::Update && is_unsaid(column));
        let unsaid: Vec<&'static str> = unsaid.map(|(key, _)| key).collect();
        let piece = Piece {
            thread: self.value("thread"),
            turn: self.value("turn"),
            message: self.value("message"),
            status: self.status(unsaid.contains(&"status"))?,
            owner: self.value("owner"),
            attempt: self.value("attempt"),
            epoch: self.number("epoch")?,
            error: self.value("error"),
        };
        Ok(Read::Piece {
            kind,
            rule,
            piece,
            unsaid,
        })
    }

    fn part(&self) -> Result<Row, Without> {
        let turn = TurnId::from(self.needed("turn")?);
        let epoch = self.number("epoch")?.map(Epoch);
        let seq = self.number("seq")?.unwrap_or_default();
        if self.change.action == Action::Delete {
            return Ok(Row::PartGone { turn, epoch, seq });
        }
        let text = cut(&self.needed("text")?, PART_MAX);
        Ok(Row::Part { turn, epoch, seq, text })
    }

    fn feedback(&self) -> Result<Row, Without> {
        let item = FeedbackId::from(self.needed("item")?);
        match self.change.action {
            Action::Insert => Ok(Row::Feedback { item }),
            Action::Delete => Ok(Row::FeedbackGone { item }),
            // It is there as it was.
            Action::Update => Err(Without::Row),
        }
    }

    /// The value under a key. Returns `None` if the rule has no such key, the column is NULL, or its text holds no such value.
    fn value(&self, key: &str) -> Option<String> {
        let (_, column) = self.rule.columns().find(|(known, _)| *known == key)?;
        let text = self.change.columns.get(column.name())?.as_deref()?;
        column.value(key, text, &Values::default())
    }

    /// The value under a key that a row of this kind cannot be without.
    ///
    /// A column that the table does not have is a mistake of the description; every other absence means another kind of row.
    fn needed(&self, key: &str) -> Result<String, Without> {
        if let Some(value) = self.value(key) {
            return Ok(value);
        }
        let column = self.rule.columns().find(|(known, _)| *known == key);
        let name = column.map_or(key, |(_, column)| column.name());
        if self.change.action == Action::Insert && !self.change.columns.contains_key(name) {
            let has = listed(&self.change.columns);
            return Err(self.unread(name, "", &format!("there is no such column; there are {has}")));
        }
        Err(Without::Row)
    }

    fn number(&self, key: &str) -> Result<Option<u64>, Without> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        match value.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(self.unread(key, &value, "it is no count")),
        }
    }

    /// The status. `None` if it stands in another table, or is as before.
    fn status(&self, is_unsaid: bool) -> Result<Option<Status>, Without> {
        if self.rule.status.is_none() || is_unsaid {
            return Ok(None);
        }
        let word = self.needed("status")?;
        let status = self.tables.status(&word);
        status.map(Some).map_err(|why| self.unread("status", &word, &why))
    }

    fn unread(&self, column: &str, value: &str, why: &str) -> Without {
        Without::Reading(Row::Unread {
            place: format!("{}.{column}", self.rule.table).into(),
            value: cut(value, SHOWN).into(),
            why: why.into(),
        })
    }
}

fn listed(columns: &Columns) -> String {
    columns.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
