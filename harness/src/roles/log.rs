//! The system's stream log, in a broker or in a store: its entries as they come.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::Notify;

use super::redis::store::RedisError;
use super::{nats, redis};
use crate::system::reading::{Entries, FrameRules, Keys, LogMessage};
use crate::system::stream::{LogNames, OneLog, StreamLog};

/// The log cannot be read just now.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The broker does not answer as it should.
    #[error(transparent)]
    Nats(#[from] nats::feed::LogError),
    /// The store does not answer as it should.
    #[error(transparent)]
    Redis(#[from] RedisError),
}

/// A reader of a system's stream log. [`LogFeed::moved`] must say where it is before it is read.
pub enum LogFeed {
    /// A stream of JetStream.
    Nats(Box<nats::feed::LogFeed>),
    /// Lists or streams of a Redis store.
    Redis(Box<redis::feed::LogFeed>),
}

impl LogFeed {
    /// A reader of the log from its beginning, by the rules of the description. A broker rings `heard` when there may be something to
    /// read. Returns `None` if the description names neither subjects nor keys.
    pub fn new(log: &StreamLog, rules: FrameRules, keys: Keys, heard: Arc<Notify>) -> Option<Self> {
        let entries = Entries::new(log, rules, keys);
        if let (Some(stream), Some(subject)) = (&log.stream, &log.subject) {
            let names = LogNames::new(subject.clone());
            let feed = nats::feed::LogFeed::new(stream, names, entries, heard);
            return Some(Self::Nats(Box::new(feed)));
        }
        let names = LogNames::new(log.key.clone()?);
        Some(Self::Redis(Box::new(redis::feed::LogFeed::new(names, entries))))
    }

    /// True if something rings when there may be something to read. Otherwise whoever reads must ask again and again.
    pub fn is_heard(&self) -> bool {
        match self {
            Self::Nats(_) => true,
            Self::Redis(_) => false,
        }
    }

    /// Reads through `url` from now on: a part that was started again is elsewhere.
    pub fn moved(&mut self, url: &str) {
        match self {
            Self::Nats(feed) => feed.moved(url),
            Self::Redis(feed) => feed.moved(url),
        }
    }

    /// Looks anew whether the log is the one that was read until now, before it is read further.
    pub fn may_be_another(&mut self) {
        match self {
            Self::Nats(feed) => feed.may_be_another(),
            // It looks each time.
            Self::Redis(_) => {}
        }
    }

    /// Passes over everything that the log holds by now.
    pub async fn skip(&mut self) {
        match self {
            Self::Nats(feed) => feed.skip().await,
            Self::Redis(feed) => feed.skip().await,
        }
    }

    /// Everything stored since the last call, in the log's order.
    ///
    /// # Errors
    /// The log cannot be reached just now: the next call goes on where this one stopped.
    pub async fn drain(&mut self) -> Result<Vec<LogMessage>, LogError> {
        Ok(match self {
            Self::Nats(feed) => feed.drain().await?,
            Self::Redis(feed) => feed.drain().await?,
        })
    }

    /// Consumers that the log's part keeps for its readers. Returns `None` if it keeps none for anybody.
    ///
    /// # Errors
    /// The log cannot be reached.
    pub async fn consumers(&mut self) -> Result<Option<u64>, LogError> {
        Ok(match self {
            Self::Nats(feed) => Some(feed.consumers().await?),
            Self::Redis(_) => None,
        })
    }

    /// Subscriptions to the log that its part's clients have, by its monitor. Returns `None` if the part has none for anybody.
    ///
    /// # Errors
    /// The monitor cannot be asked.
    pub async fn subscriptions(&self, monitor: SocketAddr) -> Result<Option<u64>, LogError> {
        Ok(match self {
            Self::Nats(feed) => Some(feed.subscriptions(monitor).await?),
            Self::Redis(_) => None,
        })
    }

    /// The entries of one log as text to keep, one JSON object a line, in the log's order.
    ///
    /// # Errors
    /// The log cannot be reached, or not be read within its bound.
    pub async fn dump(&mut self, log: &OneLog) -> Result<String, LogError> {
        Ok(match self {
            Self::Nats(feed) => feed.dump(log).await?,
            Self::Redis(feed) => feed.dump(log).await?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::TurnKey;
    use crate::system::file::System;
    use crate::system::language::Pattern;
    use crate::system::load::reference::reference;

    fn feed(change: impl FnOnce(&mut StreamLog)) -> Option<LogFeed> {
        let System {
            stream, statuses, log, ..
        } = reference();
        let mut log = log.expect("a log");
        change(&mut log);
        let rules = FrameRules { stream, statuses };
        LogFeed::new(&log, rules, Arc::new(|_: &TurnKey| None), Arc::default())
    }

    #[test]
    fn subjects_lead_to_a_broker_and_keys_to_a_store() {
        let broker = feed(|_| {}).expect("a log");
        assert!(matches!(broker, LogFeed::Nats(_)) && broker.is_heard());
        let store = feed(|log| {
            (log.stream, log.subject) = (None, None);
            log.key = Pattern::parse("run:{turn}").ok();
        });
        let store = store.expect("a log");
        assert!(matches!(store, LogFeed::Redis(_)) && !store.is_heard());
        assert!(feed(|log| log.subject = None).is_none());
    }
}
