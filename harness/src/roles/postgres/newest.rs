//! The newest state of each thread and turn, as all tables together tell it. Pure.

use std::collections::{BTreeMap, HashMap};

use super::piece::Piece;
use super::rows::Read;
use crate::history::Row;
use crate::system::stored::{RowKind, Tables};

/// The newest state of each thread and turn.
#[derive(Debug, Default)]
pub(super) struct Newest {
    known: HashMap<(RowKind, String), Known>,
}

/// The newest values that are known of one thread or turn.
#[derive(Debug, Default)]
struct Known {
    /// The newest piece by each rule, by the rule's place.
    pieces: BTreeMap<usize, Piece>,
    /// Its row as it was told last.
    told: Option<Row>,
}

impl Newest {
    /// Takes in what a change was read as. Returns the row after it, or `None` if the change is no event: it touched only columns that
    /// are not followed, or no table has told the status yet. What a table tells before that goes into the first row with a status.
    ///
    /// Parts and feedback have no newest state: each change of them is an event.
    pub(super) fn take(&mut self, tables: &Tables, read: Read) -> Option<Row> {
        let (kind, rule, mut piece, unsaid) = match read {
            Read::Row(row) => return Some(row),
            Read::Piece {
                kind,
                rule,
                piece,
                unsaid,
            } => (kind, rule, piece, unsaid),
            Read::Gone { kind, rule, id } => return self.remove(tables, (kind, id), rule),
        };
        let id = match kind {
            RowKind::Thread => piece.thread.clone(),
            _ => piece.turn.clone(),
        };
        let known = self.known.entry((kind, id?)).or_default();
        if let Some(before) = known.pieces.get(&rule) {
            piece.keep(&unsaid, before);
        }
        known.pieces.insert(rule, piece);
        let pieces: Vec<&Piece> = known.pieces.values().collect();
        let row = Piece::sum(&pieces).row(kind, tables)?;
        if known.told.as_ref() == Some(&row) {
            return None;
        }
        known.told = Some(row.clone());
        Some(row)
    }

    /// Takes in that a table holds no piece any more. A thread or turn is gone once no table tells its status: a queue's ticket may be
    /// removed when its turn is over.
    fn remove(&mut self, tables: &Tables, key: (RowKind, String), rule: usize) -> Option<Row> {
        let known = self.known.get_mut(&key)?;
        known.pieces.remove(&rule);
        let pieces: Vec<&Piece> = known.pieces.values().collect();
        let (kind, id) = key.clone();
        if known.told.is_none() || Piece::sum(&pieces).row(kind, tables).is_some() {
            return None;
        }
        self.known.remove(&key);
        Some(match kind {
            RowKind::Thread => Row::ThreadGone { thread: id.into() },
            _ => Row::TurnGone { turn: id.into() },
        })
    }
}
