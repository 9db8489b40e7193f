//! Owners: a thread's owner, epoch and status, and a turn's status, read from the database.
//!
//! The reader keeps one connection with prepared statements: it stands between "a token was seen" and "the owner is dead", where
//! every round trip counts. It connects again when it finds the connection broken, because stories break databases.

use std::sync::PoisonError;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use tokio::sync::Mutex;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use super::connect::{DatabaseError, ONE_QUESTION, connect, place};
use crate::history::{Epoch, PodName, Status, ThreadId, TurnId};
use crate::system::{Database, frames};

/// Owner, epoch and status of a thread at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// Pod that owns it.
    pub owner: Option<PodName>,
    /// Its epoch.
    pub epoch: Epoch,
    /// Its status.
    pub status: Status,
}

/// A kept connection to the system's database.
pub struct Owners {
    /// Where the database is for now.
    url: std::sync::Mutex<String>,
    statements: [String; 2],
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    client: Client,
    owner: Statement,
    turn: Statement,
}

impl Owners {
    /// Reads through the database at `url`; connects on the first question.
    pub fn new(url: &str, database: &Database) -> Self {
        let statements = [database.owner.clone(), database.turn.clone()];
        Self {
            url: url.to_owned().into(),
            statements,
            kept: Mutex::new(None),
        }
    }

    /// Reads through `url` from the next connection on: a database that was started again is elsewhere.
    pub fn moved(&self, url: &str) {
        url.clone_into(&mut self.url.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Owner, epoch and status of a thread; `None` where there is no such thread.
    ///
    /// # Errors
    /// The database cannot be reached, is slow, or holds a value that the description does not allow.
    pub async fn of(&self, thread: &ThreadId) -> Result<Option<Ownership>, DatabaseError> {
        let Some(row) = self.ask(|kept| &kept.owner, &[&thread.as_str()]).await? else {
            return Ok(None);
        };
        let owner: Option<String> = self.column(&row, 0)?;
        let epoch: i64 = self.column(&row, 1)?;
        let status = self.status(&row, 2)?;
        Ok(Some(Ownership {
            owner: owner.map(PodName::from),
            epoch: Epoch(epoch.unsigned_abs()),
            status,
        }))
    }

    /// Status of a turn; `None` where there is no such turn.
    ///
    /// # Errors
    /// As [`Owners::of`].
    pub async fn turn(&self, turn: &TurnId) -> Result<Option<Status>, DatabaseError> {
        let row = self.ask(|kept| &kept.turn, &[&turn.as_str()]).await?;
        row.map(|row| self.status(&row, 0)).transpose()
    }

    /// The rows of a query as CSV with a header line.
    pub(super) async fn csv(&self, select: &str) -> Result<String, DatabaseError> {
        let copy = format!("copy ({select}) to stdout with (format csv, header)");
        let copied = self.over_kept(async |kept| {
            let pieces: Vec<Bytes> = kept.client.copy_out(&copy).await?.try_collect().await?;
            Ok(pieces.concat())
        });
        Ok(String::from_utf8_lossy(&copied.await?).into_owned())
    }

    async fn ask(
        &self,
        which: fn(&Kept) -> &Statement,
        with: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, DatabaseError> {
        self.over_kept(async |kept| kept.client.query_opt(which(kept), with).await)
            .await
    }

    /// Asks over the kept connection, which is made where there is none and dropped where the question fails.
    async fn over_kept<T>(
        &self,
        question: impl AsyncFnOnce(&Kept) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, DatabaseError> {
        let answer = tokio::time::timeout(ONE_QUESTION, async {
            let mut kept = self.kept.lock().await;
            if kept.as_ref().is_none_or(|k| k.client.is_closed()) {
                *kept = Some(self.connect().await?);
            }
            let Some(open) = kept.as_ref() else {
                unreachable!("connected just above")
            };
            let answer = question(open).await;
            if answer.is_err() {
                *kept = None;
            }
            answer
        });
        match answer.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(source)) => Err(DatabaseError::Unreachable { at: self.at(), source }),
            Err(_) => Err(DatabaseError::Slow { at: self.at() }),
        }
    }

    async fn connect(&self) -> Result<Kept, tokio_postgres::Error> {
        let client = connect(&self.url()).await?;
        let [owner, turn] = &self.statements;
        let (owner, turn) = (client.prepare(owner).await?, client.prepare(turn).await?);
        Ok(Kept { client, owner, turn })
    }

    fn url(&self) -> String {
        self.url.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn at(&self) -> String {
        place(&self.url())
    }

    fn column<'a, T: tokio_postgres::types::FromSql<'a>>(
        &self,
        row: &'a Row,
        index: usize,
    ) -> Result<T, DatabaseError> {
        row.try_get(index).map_err(|e| DatabaseError::Shape {
            at: self.at(),
            what: e.to_string(),
        })
    }

    fn status(&self, row: &Row, index: usize) -> Result<Status, DatabaseError> {
        let word: String = self.column(row, index)?;
        frames::read_status(&word).ok_or_else(|| DatabaseError::Shape {
            at: self.at(),
            what: format!("{word:?} is no known status"),
        })
    }
}
