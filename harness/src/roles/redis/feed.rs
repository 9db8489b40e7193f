//! The entries of the system's stream logs in a Redis store, each read once, in the order of its log, as they come.
//!
//! Each thread or turn has a log of its own: a list or a stream under a key. Keys are found by the glob of their name, not by the turns
//! that clients know of: a turn whose post got no answer has a log too. Keys of another type or name are left alone.
//!
//! The feed asks again and again. Redis tells of new entries only where its user has switched that on, and to switch it on would change
//! the system under test. An entry that was removed before it was read is lost to the feed. The feed notices that for all logs
//! together: behind a gap in any of them the places of entries go on with a number left out.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::dump;
use super::followed::{Drained, Followed};
use super::logs::KeyType;
use super::store::{LIMITS, RedisError, Store};
use crate::system::reading::{Entries, LogMessage};
use crate::system::stream::{LogNames, OneLog};
use crate::wire::resp::Limits;

/// Longest that reading what has piled up may take.
const ONE_DRAIN: Duration = Duration::from_secs(10);
/// Answers to one look for new keys, each of a thousand keys that were looked through. A round through a larger store takes several looks.
const SCANS: usize = 5;
/// The same for the look before a play, which is to find every key.
const SCANS_BEFORE: usize = 2000;
/// Most logs that are read at a time.
const LOGS_MAX: usize = 1000;
/// Most keys that are remembered as none of the play's.
const PASSED_MAX: usize = 100_000;
/// The cursor of a round's begin, and of its end.
const BEGIN: &str = "0";

/// A reader of a system's stream logs.
pub struct LogFeed {
    url: String,
    names: LogNames,
    entries: Entries,
    store: Option<Store>,
    /// Limits of one answer.
    limits: Limits,
    /// Logs that are read, by their keys.
    logs: BTreeMap<String, Followed>,
    /// Keys that are no logs, or logs that were there before the play.
    passed: HashSet<String>,
    /// Cursor of the round through the keys.
    scanned: String,
    /// Place of the entry that was read last.
    seq: u64,
}

impl LogFeed {
    /// A reader of the logs with these names. It connects when it is first asked; [`LogFeed::moved`] says where.
    pub fn new(names: LogNames, entries: Entries) -> Self {
        Self {
            url: String::new(),
            names,
            entries,
            store: None,
            limits: LIMITS,
            logs: BTreeMap::new(),
            passed: HashSet::new(),
            scanned: BEGIN.to_owned(),
            seq: 0,
        }
    }

    /// Reads through `url` from now on: a store that was started again is elsewhere.
    pub fn moved(&mut self, url: &str) {
        if self.url != url {
            url.clone_into(&mut self.url);
            self.store = None;
        }
    }

    /// Passes over everything that the logs hold by now. If the store cannot be reached, over nothing.
    pub async fn skip(&mut self) {
        self.logs.clear();
        self.passed.clear();
        self.entries.forget();
        BEGIN.clone_into(&mut self.scanned);
        let passing = tokio::time::timeout(ONE_DRAIN, self.pass_over());
        match passing.await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => tracing::info!(error = %e, "nothing to pass over"),
            Err(_) => tracing::warn!("the keys of the stream log were not looked through within {ONE_DRAIN:?}"),
        }
    }

    /// Everything stored since the last call, each log in its order.
    ///
    /// # Errors
    /// The store cannot be read just now: the next call goes on where this one stopped.
    pub async fn drain(&mut self) -> Result<Vec<LogMessage>, RedisError> {
        let mut drained = Drained::default();
        // Cut off in the middle of an answer, the connection is dropped with the reading.
        let read = tokio::time::timeout(ONE_DRAIN, self.drain_into(&mut drained)).await;
        match read.unwrap_or_else(|_| Err(RedisError::late(&self.url, "drain", ONE_DRAIN))) {
            // The messages that were read come first; the error is still there at the next call.
            Err(error) if drained.messages.is_empty() => Err(error),
            _ => Ok(drained.messages),
        }
    }

    /// The entries of a log as text to keep, one JSON object a line, in the log's order.
    ///
    /// # Errors
    /// The store cannot be read, or not within the bound of a dump.
    pub async fn dump(&mut self, log: &OneLog) -> Result<String, RedisError> {
        let mut store = self.connected().await?;
        let dumped = dump::log(&mut store, &log.name).await;
        self.keep(store, &dumped);
        dumped
    }

    async fn pass_over(&mut self) -> Result<(), RedisError> {
        let mut store = self.connected().await?;
        let passed = async {
            self.look(&mut store, SCANS_BEFORE, self.names.are_of_one()).await?;
            for followed in self.logs.values_mut() {
                followed.pass(&mut store).await?;
            }
            Ok(())
        };
        let passed = passed.await;
        self.keep(store, &passed);
        passed
    }

    async fn drain_into(&mut self, drained: &mut Drained) -> Result<(), RedisError> {
        let mut store = self.connected().await?;
        let read = self.read_all(&mut store, drained).await;
        self.keep(store, &read);
        read
    }

    async fn read_all(&mut self, store: &mut Store, drained: &mut Drained) -> Result<(), RedisError> {
        self.look(store, SCANS, false).await?;
        let mut other = Vec::new();
        for (key, followed) in &mut self.logs {
            if drained.is_full() {
                break;
            }
            match followed.read(store, &mut self.entries, &mut self.seq, drained).await {
                Ok(()) => {}
                // The key holds something else by now.
                Err(e) if e.is_wrong_type() => {
                    tracing::info!(error = %e, key, "no longer read");
                    other.push(key.clone());
                }
                Err(e) => return Err(e),
            }
        }
        for key in other {
            self.logs.remove(&key);
            // The key may have held more than was read.
            self.seq += 1;
        }
        Ok(())
    }

    /// Looks for keys that were not there before, and passes over those that are found if told to.
    async fn look(&mut self, store: &mut Store, scans: usize, passes: bool) -> Result<(), RedisError> {
        let glob = self.names.glob();
        for _ in 0..scans {
            let (next, keys) = store.scan(&self.scanned, &glob).await?;
            self.scanned = next;
            for key in keys {
                if passes {
                    self.pass(key);
                } else {
                    self.meet(store, key).await?;
                }
            }
            if self.scanned == BEGIN {
                return Ok(());
            }
        }
        Ok(())
    }

    fn pass(&mut self, key: String) {
        if self.passed.len() < PASSED_MAX {
            self.passed.insert(key);
        }
    }

    /// Follows a key from its beginning if it is a log that is not known yet.
    async fn meet(&mut self, store: &mut Store, key: String) -> Result<(), RedisError> {
        if self.passed.contains(&key) || self.logs.contains_key(&key) || self.logs.len() >= LOGS_MAX {
            return Ok(());
        }
        let key_type = store.type_of(&key).await?;
        if key_type == KeyType::Gone {
            return Ok(());
        }
        let log = self.names.read(&key);
        match log.and_then(|log| Followed::of(log, key_type)) {
            Some(followed) => drop(self.logs.insert(key, followed)),
            None => self.pass(key),
        }
        Ok(())
    }

    /// The connection that there is, else a new one.
    async fn connected(&mut self) -> Result<Store, RedisError> {
        match self.store.take() {
            Some(store) => Ok(store),
            None => Store::open_within(&self.url, self.limits).await,
        }
    }

    /// Keeps a connection unless an error has made it useless.
    fn keep<T>(&mut self, store: Store, result: &Result<T, RedisError>) {
        if result.as_ref().err().is_none_or(RedisError::is_refusal) {
            self.store = Some(store);
        }
    }
}

#[cfg(test)]
mod tests;
