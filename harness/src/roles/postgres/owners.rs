//! Owners: a thread's owner, epoch and status, and a turn's status, read from the database.
//!
//! The reader keeps one connection with prepared statements: it stands between "a token was seen" and "the owner is dead", where
//! every round trip counts. It connects again when it finds the connection broken, because stories break databases.

use std::sync::PoisonError;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use tokio::sync::Mutex;
use tokio_postgres::{Client, Row, Statement};

use super::connect::{DatabaseError, ONE_QUESTION, connect, place};
use super::piece::Piece;
use crate::history::{Attempt, Epoch, PodName, Row as HistoryRow, Status, ThreadId, TurnId};
use crate::roles::owner_names::OwnerNames;
use crate::system::language::Values;
use crate::system::stored::{Asked, RowKind, RowRule, Tables};

/// Owner, epoch and status of a thread at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// Pod that owns it.
    pub owner: Option<PodName>,
    /// Its epoch; 0 if rows have none.
    pub epoch: Epoch,
    /// The owner's claim, if rows count claims.
    pub attempt: Option<Attempt>,
    /// Its status.
    pub status: Status,
}

impl Ownership {
    /// True if it is still the claim of that epoch and attempt.
    pub fn is_as(&self, epoch: Epoch, attempt: Option<&Attempt>) -> bool {
        self.epoch == epoch && attempt.is_none_or(|attempt| self.attempt.as_ref() == Some(attempt))
    }
}

/// A kept connection to the system's database.
pub struct Owners {
    /// Where the database is for now.
    url: std::sync::Mutex<String>,
    tables: Tables,
    names: OwnerNames,
    questions: Vec<Question>,
    /// True if rows of turns name the owner, and rows of threads do not.
    is_by_turn: bool,
    kept: Mutex<Option<Kept>>,
}

/// The kind of thing that an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Thread,
    Turn,
    /// The thread of a turn, where only rows of turns tell where a thread stands.
    ThreadOfTurn,
}

/// A question to one table.
struct Question {
    by: By,
    asked: Asked,
}

struct Kept {
    client: Client,
    /// One for each question.
    statements: Vec<Statement>,
}

impl Owners {
    /// Reads through the database at `url` by the tables of the description; connects on the first question. `names` leads from what
    /// an owner column holds to a pod.
    pub fn new(url: &str, tables: &Tables, names: OwnerNames) -> Self {
        let has_owner = |kind| tables.of(kind).any(|rule| rule.owner.is_some());
        let is_by_turn = has_owner(RowKind::Turn) && !has_owner(RowKind::Thread);
        Self {
            url: url.to_owned().into(),
            questions: questions(tables, is_by_turn),
            is_by_turn,
            tables: tables.clone(),
            names,
            kept: Mutex::new(None),
        }
    }

    /// Reads through `url` from the next connection on: a database that was started again is elsewhere.
    pub fn moved(&self, url: &str) {
        url.clone_into(&mut self.url.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Owner, epoch and status of a thread, or of its turn where rows of turns name the owner; `None` where there is no such row.
    ///
    /// # Errors
    /// The database cannot be reached, is slow, or holds a value that the description does not allow.
    pub async fn of(&self, thread: &ThreadId, turn: Option<&TurnId>) -> Result<Option<Ownership>, DatabaseError> {
        let piece = match turn.filter(|_| self.is_by_turn && self.asks(By::Turn)) {
            Some(turn) => self.sum(By::Turn, turn.as_str()).await?,
            None if self.asks(By::Thread) => self.sum(By::Thread, thread.as_str()).await?,
            None => self.of_some_turn(thread).await?,
        };
        let Some((piece, status)) = piece.and_then(|piece| piece.status.map(|status| (piece, status))) else {
            return Ok(None);
        };
        let owner = match piece.owner {
            Some(owner) => Some(self.names.pod_of(PodName::from(self.tables.pod_of(&owner))).await),
            None => None,
        };
        Ok(Some(Ownership {
            owner,
            epoch: Epoch(piece.epoch.unwrap_or(0)),
            attempt: piece.attempt.map(Attempt::from),
            status,
        }))
    }

    /// The values that rows of turns tell of a thread: of its turn with an owner, or of some turn.
    async fn of_some_turn(&self, thread: &ThreadId) -> Result<Option<Piece>, DatabaseError> {
        let Some(piece) = self.sum(By::ThreadOfTurn, thread.as_str()).await? else {
            return Ok(None);
        };
        match &piece.turn {
            Some(turn) if self.asks(By::Turn) => self.sum(By::Turn, turn).await,
            _ => Ok(Some(piece)),
        }
    }

    /// True if rows tell where turns stand.
    pub fn tells_turns(&self) -> bool {
        self.asks(By::Turn)
    }

    /// Status of a turn; `None` where there is no such turn.
    ///
    /// # Errors
    /// As [`Owners::of`].
    pub async fn turn(&self, turn: &TurnId) -> Result<Option<Status>, DatabaseError> {
        Ok(self.sum(By::Turn, turn.as_str()).await?.and_then(|piece| piece.status))
    }

    /// Leads names of owners to pods ahead of the first question.
    pub async fn learn_names(&self) {
        self.names.learn().await;
    }

    /// Leads the owner that a row names to its pod.
    pub async fn named(&self, row: &mut HistoryRow) {
        let owner = match row {
            HistoryRow::Thread { owner, .. } => owner,
            HistoryRow::Turn(row) => &mut row.owner,
            _ => return,
        };
        if let Some(named) = owner.take() {
            *owner = Some(self.names.pod_of(named).await);
        }
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

    fn asks(&self, by: By) -> bool {
        self.questions.iter().any(|question| question.by == by)
    }

    /// The values that all tables tell that are asked by such an id. Returns `None` if none has such a row.
    async fn sum(&self, by: By, id: &str) -> Result<Option<Piece>, DatabaseError> {
        let mut pieces = Vec::new();
        let questions = self.questions.iter().enumerate();
        for (place, Question { asked, .. }) in questions.filter(|(_, question)| question.by == by) {
            let row = self.over_kept(async |kept| kept.client.query_opt(&kept.statements[place], &[&id]).await);
            if let Some(row) = row.await? {
                pieces.push(self.piece(asked, &row)?);
            }
        }
        let pieces: Vec<&Piece> = pieces.iter().collect();
        Ok((!pieces.is_empty()).then(|| Piece::sum(&pieces)))
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
        let mut statements = Vec::new();
        for question in &self.questions {
            statements.push(client.prepare(&question.asked.sql).await?);
        }
        Ok(Kept { client, statements })
    }

    fn url(&self) -> String {
        self.url.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn at(&self) -> String {
        place(&self.url())
    }

    /// The value of a rule's key in a row. Returns `None` if the rule does not say it, or it is NULL.
    fn value(&self, asked: &Asked, row: &Row, key: &str) -> Result<Option<String>, DatabaseError> {
        let Some(index) = asked.keys.iter().position(|known| *known == key) else {
            return Ok(None);
        };
        let text: Option<String> = row.try_get(index).map_err(|e| self.shape(e.to_string()))?;
        let column = &asked.columns[index];
        Ok(text.and_then(|text| column.value(key, &text, &Values::default())))
    }

    /// The values that a row tells.
    fn piece(&self, asked: &Asked, row: &Row) -> Result<Piece, DatabaseError> {
        let value = |key| self.value(asked, row, key);
        let count = |text: String| {
            let count = text.parse();
            count.map_err(|_| self.shape(format!("the epoch {text:?} is no count")))
        };
        let status = value("status")?.map(|word| self.tables.status(&word));
        Ok(Piece {
            thread: value("thread")?,
            turn: value("turn")?,
            message: None,
            status: status.transpose().map_err(|why| self.shape(why))?,
            owner: value("owner")?,
            attempt: value("attempt")?,
            epoch: value("epoch")?.map(count).transpose()?,
            error: None,
        })
    }

    fn shape(&self, what: String) -> DatabaseError {
        DatabaseError::Shape { at: self.at(), what }
    }
}

/// Every question that the tables can answer.
fn questions(tables: &Tables, is_by_turn: bool) -> Vec<Question> {
    let turns = || tables.of(RowKind::Turn);
    let ask = |by| move |asked| Question { by, asked };
    let of_turn = turns().filter_map(RowRule::asked).map(ask(By::Turn));
    let of_thread = tables
        .of(RowKind::Thread)
        .filter_map(RowRule::asked)
        .map(ask(By::Thread));
    let of_thread = of_thread.filter(|_| !is_by_turn);
    // One table is enough to find the turn: the one with owners, if there is one.
    let with_owner = turns().filter(|rule| rule.owner.is_some() || !is_by_turn);
    let by_thread = with_owner.filter_map(|rule| rule.asked_by("thread")).take(1);
    let by_thread = by_thread.map(ask(By::ThreadOfTurn));
    of_turn.chain(of_thread).chain(by_thread).collect()
}
