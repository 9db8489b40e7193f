//! The change feed: every committed change of owners, epochs, statuses and parts, in commit order.
//!
//! A poll would see some states and miss others, and a verdict often depends on a state between two polls. The feed reads a
//! logical replication slot through SQL (`test_decoding`, part of every PostgreSQL). It peeks, and advances the slot only past
//! changes that it has handed out, so a broken connection or a restart of the database loses none. Changes that are read again
//! after such a break are recognised by their position in the log.

use std::time::Duration;

use tokio_postgres::error::SqlState;
use tokio_postgres::types::PgLsn;
use tokio_postgres::{Client, NoTls, Row as SqlRow, Statement};

use super::connect::{DatabaseError, ONE_QUESTION, connect, place};
use super::decoding::{self, Change, Line};
use super::newest::Newest;
use super::rows;
use crate::history::Row;
use crate::system::stored::Tables;

/// Longest that reading what has piled up may take.
const ONE_DRAIN: Duration = Duration::from_secs(10);
/// Pause between two questions to a slot that is held.
const HELD: Duration = Duration::from_millis(50);
/// Lines that may be read again before the slot is advanced: advancing costs a round trip of its own.
const LAG_LINES: usize = 64;
/// The same in bytes: a few large parts are more than many small ones.
const LAG_BYTES: usize = 256 << 10;

/// One changed row of a committed transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Position of the transaction's end in the database's log.
    pub lsn: String,
    /// The transaction, numbered by the feed from 1 in commit order.
    pub xid: u64,
    /// The row after the change.
    pub row: Row,
}

/// A connection, with what is asked over it again and again.
struct Reader {
    client: Client,
    flushed: Statement,
    peek: Statement,
}

/// A reader of one logical slot.
pub struct ChangeFeed {
    url: String,
    slot: String,
    tables: Tables,
    reader: Option<Reader>,
    /// End of the last transaction that was handed out.
    done: PgLsn,
    transactions: u64,
    /// How far the database's log had come when all changes in it were read.
    read_to: Option<PgLsn>,
    /// True if so many changes were handed out that the slot must be advanced.
    is_behind: bool,
    /// Newest state of each thread and turn: a commit that touches only other columns is no event.
    newest: Newest,
}

impl ChangeFeed {
    /// Makes the slot `slot` in the database at `url` and reads from now on.
    ///
    /// # Errors
    /// The database cannot be reached or refuses the slot (`wal_level` must be `logical`).
    pub async fn open(url: &str, tables: &Tables, slot: &str) -> Result<Self, DatabaseError> {
        let mut feed = Self {
            url: url.to_owned(),
            slot: slot.to_owned(),
            tables: tables.clone(),
            reader: None,
            done: PgLsn::from(0),
            transactions: 0,
            read_to: None,
            is_behind: false,
            newest: Newest::default(),
        };
        let client = &feed.reader().await?.client;
        // On a cluster that is kept, a run that is over may have left its slot; whoever uses the cluster has it alone.
        let left =
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1 and not active";
        if let Err(source) = client.query(left, &[&slot]).await {
            return Err(feed.broken(source));
        }
        let made = client
            .query_one(
                "select lsn from pg_create_logical_replication_slot($1, 'test_decoding')",
                &[&slot],
            )
            .await;
        match made {
            Ok(row) => feed.done = row.get(0),
            Err(source) => return Err(feed.broken(source)),
        }
        Ok(feed)
    }

    /// Everything committed since the last call, in commit order.
    ///
    /// # Errors
    /// The database cannot be reached just now (the next call goes on where this one stopped), or prints a change that
    /// cannot be read.
    pub async fn drain(&mut self) -> Result<Vec<Committed>, DatabaseError> {
        if let Ok(drained) = tokio::time::timeout(ONE_DRAIN, self.drain_now()).await {
            return drained;
        }
        // A reading that nobody waits for any more would keep the slot from the next one.
        if let Some(reader) = self.reader.take() {
            let cancelled = tokio::time::timeout(ONE_QUESTION, reader.client.cancel_token().cancel_query(NoTls)).await;
            tracing::info!(?cancelled, "the reading of changes took too long");
        }
        Err(DatabaseError::Slow { at: place(&self.url) })
    }

    /// Reads through `url` from now on: a database that was started again is elsewhere. The slot and what was handed out
    /// stay what they were.
    pub fn moved(&mut self, url: &str) {
        if self.url != url {
            url.clone_into(&mut self.url);
            self.reader = None;
        }
    }

    /// Drops the slot. A slot that is left behind goes with its database.
    ///
    /// # Errors
    /// The database cannot be reached or refuses.
    pub async fn close(mut self) -> Result<(), DatabaseError> {
        let slot = self.slot.clone();
        let dropped = self
            .reader()
            .await?
            .client
            .execute("select pg_drop_replication_slot($1)", &[&slot])
            .await;
        dropped.map(drop).map_err(|source| self.broken(source))
    }

    async fn drain_now(&mut self) -> Result<Vec<Committed>, DatabaseError> {
        // Before anything is read, and not after: a database that dies right then would take with it what is read by now and
        // not handed out yet.
        if self.is_behind {
            self.advance().await?;
            self.is_behind = false;
        }
        // Asked for before the changes are: those that come in between are read now and looked for once more, and none is
        // passed over.
        let flushed = self.flushed().await?;
        if self.read_to == Some(flushed) {
            return Ok(Vec::new());
        }
        // Until it is known otherwise: a reading that takes too long is given up, and must not be as long the next time.
        self.is_behind = true;
        let slot = self.slot.clone();
        let rows = self.peeked(&slot).await?;
        let mut out = Vec::new();
        let mut open: Vec<&str> = Vec::new();
        // Not told to the rest before all of it can be handed out: what cannot be made out stays an error, and does not become
        // a gap with the next reading.
        let (mut done, mut transactions) = (self.done, self.transactions);
        for row in &rows {
            let (lsn, data): (PgLsn, &str) = (row.get(0), row.get(1));
            match Line::of(data) {
                Line::Begin => open.clear(),
                Line::Change => open.push(data),
                // Handed out before, and only told again.
                Line::Commit if lsn <= done => open.clear(),
                Line::Commit => {
                    done = lsn;
                    transactions += 1;
                    for change in open.drain(..) {
                        let change = decoding::read(change).map_err(|what| self.shape(what))?;
                        self.hand_out((lsn, transactions), &change, &mut out);
                    }
                }
            }
        }
        (self.done, self.transactions) = (done, transactions);
        let bytes: usize = rows.iter().map(|row| row.get::<_, &str>(1).len()).sum();
        self.is_behind = rows.len() >= LAG_LINES || bytes >= LAG_BYTES;
        self.read_to = Some(flushed);
        Ok(out)
    }

    /// The lines of changes behind what the slot was told of. A slot that an earlier reading still holds, one whose connection broke,
    /// is waited for: the caller's bound is that of the wait.
    async fn peeked(&mut self, slot: &str) -> Result<Vec<SqlRow>, DatabaseError> {
        loop {
            let reader = self.reader().await?;
            match reader.client.query(&reader.peek, &[&slot]).await {
                Ok(rows) => return Ok(rows),
                Err(held) if held.code() == Some(&SqlState::OBJECT_IN_USE) => tokio::time::sleep(HELD).await,
                Err(source) => return Err(self.broken(source)),
            }
        }
    }

    /// How far the database's log is safe on disk: nothing behind that is told of yet. To ask costs far less than to look at
    /// changes, most of which have been told.
    async fn flushed(&mut self) -> Result<PgLsn, DatabaseError> {
        let reader = self.reader().await?;
        let flushed = reader.client.query_one(&reader.flushed, &[]).await;
        let flushed = flushed.map_err(|source| self.broken(source))?;
        Ok(flushed.get(0))
    }

    fn hand_out(&mut self, (lsn, xid): (PgLsn, u64), change: &Change, out: &mut Vec<Committed>) {
        for read in rows::read(&self.tables, change) {
            let Some(row) = self.newest.take(&self.tables, read) else {
                continue;
            };
            out.push(Committed {
                lsn: lsn.to_string(),
                xid,
                row,
            });
        }
    }

    async fn advance(&mut self) -> Result<(), DatabaseError> {
        let (slot, done) = (self.slot.clone(), self.done);
        loop {
            let client = &self.reader().await?.client;
            let told = client
                .execute("select pg_replication_slot_advance($1, $2)", &[&slot, &done])
                .await;
            match told {
                Ok(_) => return Ok(()),
                Err(held) if held.code() == Some(&SqlState::OBJECT_IN_USE) => tokio::time::sleep(HELD).await,
                Err(source) => return Err(self.broken(source)),
            }
        }
    }

    async fn reader(&mut self) -> Result<&Reader, DatabaseError> {
        if self.reader.as_ref().is_none_or(|reader| reader.client.is_closed()) {
            self.reader = Some(connected(&self.url).await.map_err(|source| self.broken(source))?);
        }
        self.reader
            .as_ref()
            .ok_or_else(|| self.shape("no connection".to_owned()))
    }

    fn broken(&mut self, source: tokio_postgres::Error) -> DatabaseError {
        self.reader = None;
        DatabaseError::Unreachable {
            at: place(&self.url),
            source,
        }
    }

    fn shape(&self, what: String) -> DatabaseError {
        DatabaseError::Shape {
            at: place(&self.url),
            what,
        }
    }
}

async fn connected(url: &str) -> Result<Reader, tokio_postgres::Error> {
    let client = connect(url).await?;
    // Each look would leave lines in the server's log, until nothing else is found there. A role that may not turn
    // them off looks all the same.
    if let Err(error) = client.batch_execute("set log_min_messages = fatal").await {
        tracing::debug!(%error, "the server's log tells of every look at its changes");
    }
    let peek = "select lsn, data
                from pg_logical_slot_peek_changes($1, null, null, 'include-xids', '0', 'skip-empty-xacts', '1')";
    Ok(Reader {
        flushed: client.prepare("select pg_current_wal_flush_lsn()").await?,
        peek: client.prepare(peek).await?,
        client,
    })
}
