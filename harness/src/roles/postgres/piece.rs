//! The pieces that single tables tell of a thread or turn, and their sum: one table may hold the status, another the owner. Pure.

use crate::history::{Attempt, Epoch, MessageId, PodName, Row, Status, ThreadId, TurnId, TurnRow};
use crate::system::stored::{RowKind, Tables};

/// The piece that a table tells of one thread or turn. `None` is unknown, or NULL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) thread: Option<String>,
    pub(super) turn: Option<String>,
    pub(super) message: Option<String>,
    pub(super) status: Option<Status>,
    /// The owner as the column names it.
    pub(super) owner: Option<String>,
    pub(super) attempt: Option<String>,
    pub(super) epoch: Option<u64>,
    pub(super) error: Option<String>,
}

impl Piece {
    /// The sum of what tables tell, in the order of the description: each value by the first table that tells it, and a status that
    /// nothing can follow before every other. A queue's ticket settles after its run, and the other way round.
    pub(super) fn sum(pieces: &[&Self]) -> Self {
        let first = |of: fn(&Self) -> &Option<String>| pieces.iter().find_map(|piece| of(piece).clone());
        let mut statuses = pieces.iter().filter_map(|piece| piece.status);
        let over = statuses.clone().find(|status| status.is_terminal());
        Self {
            thread: first(|piece| &piece.thread),
            turn: first(|piece| &piece.turn),
            message: first(|piece| &piece.message),
            status: over.or_else(|| statuses.next()),
            owner: first(|piece| &piece.owner),
            attempt: first(|piece| &piece.attempt),
            epoch: pieces.iter().find_map(|piece| piece.epoch),
            error: first(|piece| &piece.error),
        }
    }

    /// Takes the values of keys that a change did not tell, because they are as before.
    pub(super) fn keep(&mut self, unsaid: &[&'static str], before: &Self) {
        for key in unsaid {
            match *key {
                "thread" => self.thread.clone_from(&before.thread),
                "message" => self.message.clone_from(&before.message),
                "status" => self.status = before.status,
                "owner" => self.owner.clone_from(&before.owner),
                "attempt" => self.attempt.clone_from(&before.attempt),
                "epoch" => self.epoch = before.epoch,
                "error" => self.error.clone_from(&before.error),
                _ => {}
            }
        }
    }

    /// The row of the history. Returns `None` if no table has told the status yet: a row without one would say nothing that can be
    /// judged.
    pub(super) fn row(self, kind: RowKind, tables: &Tables) -> Option<Row> {
        let status = self.status?;
        let owner = self.owner.map(|owner| PodName::from(tables.pod_of(&owner)));
        // A count that is still zero is no claim.
        let attempt = self.attempt.filter(|attempt| attempt != "0").map(Attempt::from);
        if kind == RowKind::Thread {
            return Some(Row::Thread {
                thread: ThreadId::from(self.thread?),
                status,
                owner,
                attempt,
                epoch: self.epoch.map(Epoch),
            });
        }
        let turn = self.turn?;
        Some(Row::Turn(Box::new(TurnRow {
            // A turn of a system without threads stands alone.
            thread: ThreadId::from(self.thread.unwrap_or_else(|| turn.clone())),
            turn: TurnId::from(turn),
            message: self.message.map(MessageId::from),
            status,
            owner,
            attempt,
            epoch: self.epoch.filter(|epoch| *epoch > 0).map(Epoch),
            error: self.error,
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(status: Option<Status>, owner: Option<&str>) -> Piece {
        Piece {
            turn: Some("u".to_owned()),
            status,
            owner: owner.map(str::to_owned),
            ..Piece::default()
        }
    }

    #[test]
    fn each_value_is_told_by_the_table_that_has_it() {
        let ticket = piece(None, Some("worker-1"));
        let run = piece(Some(Status::InProgress), None);
        for pieces in [[&ticket, &run], [&run, &ticket]] {
            let sum = Piece::sum(&pieces);
            assert_eq!(
                (sum.status, sum.owner.as_deref()),
                (Some(Status::InProgress), Some("worker-1"))
            );
        }
    }

    #[test]
    fn one_table_that_says_it_is_over_is_enough() {
        let ticket = piece(Some(Status::InProgress), None);
        let run = piece(Some(Status::Completed), None);
        for pieces in [[&ticket, &run], [&run, &ticket]] {
            assert_eq!(Piece::sum(&pieces).status, Some(Status::Completed));
        }
        let queued = piece(Some(Status::Queued), None);
        let sum = Piece::sum(&[&queued, &ticket]);
        assert_eq!(sum.status, Some(Status::Queued), "else the first that tells it");
    }

    #[test]
    fn without_a_status_there_is_no_row() {
        let tables = Tables::default();
        assert_eq!(piece(None, Some("worker-1")).row(RowKind::Turn, &tables), None);
        assert!(piece(Some(Status::Queued), None).row(RowKind::Turn, &tables).is_some());
    }
}
