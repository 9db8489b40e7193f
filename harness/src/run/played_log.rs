//! The stream log as plays read it: its entries as they come, and the logs that belong to plays that are over.

use std::collections::{BTreeSet, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::{Mutex, Notify};

use crate::history::writer::Recorder;
use crate::history::{StoreEvent, ThreadId};
use crate::roles::log::{LogError, LogFeed};
use crate::system::reading::{FrameRules, LogMessage};
use crate::system::stream::OneLog;
use crate::workload::Api;

/// The stream log of a system. Its part may be started again elsewhere, so each reading is told where it is.
pub(super) struct PlayedLog {
    part: String,
    /// Rung when there may be something to read.
    heard: Arc<Notify>,
    is_heard: bool,
    read: Mutex<Read>,
}

/// The reader, and what of the log belongs to which play.
struct Read {
    feed: LogFeed,
    /// Logs of earlier plays.
    over: HashSet<OneLog>,
    /// Logs of the play that is on.
    current: BTreeSet<OneLog>,
}

impl PlayedLog {
    /// The stream log of the system that `api` talks to. Returns `None` if it has none.
    pub(super) fn of(api: &Api) -> Option<Self> {
        let description = &api.system().description;
        let log = description.log.as_ref()?;
        let rules = FrameRules {
            stream: description.stream.clone(),
            statuses: description.statuses.clone(),
        };
        let heard = Arc::new(Notify::new());
        let feed = LogFeed::new(log, rules, api.keys(), heard.clone())?;
        Some(Self {
            part: log.part.clone(),
            heard,
            is_heard: feed.is_heard(),
            read: Mutex::new(Read {
                feed,
                over: HashSet::new(),
                current: BTreeSet::new(),
            }),
        })
    }

    /// Name of the part that holds it.
    pub(super) fn part(&self) -> &str {
        &self.part
    }

    /// True if something rings when there may be something to read.
    pub(super) fn is_heard(&self) -> bool {
        self.is_heard
    }

    /// Until there may be something to read.
    pub(super) async fn heard(&self) {
        self.heard.notified().await;
    }

    /// Lets whatever the log at `url` holds by now belong to plays that are over.
    pub(super) async fn forget(&self, url: Option<&str>) {
        let mut read = self.at(url).await;
        let ended = std::mem::take(&mut read.current);
        read.over.extend(ended);
        read.feed.skip().await;
    }

    /// Moves what has come to be in the log since the last call into the history.
    pub(super) async fn record(&self, url: &str, recorder: &Recorder) -> Result<(), LogError> {
        let mut read = self.at(Some(url)).await;
        for message in read.feed.drain().await? {
            let LogMessage {
                log,
                seq,
                cursor,
                chunk,
            } = message;
            // A pod may go on with a turn of a play that is over.
            if read.over.contains(&log) {
                continue;
            }
            let event = StoreEvent::Logged {
                thread: log.thread.clone(),
                turn: log.turn.clone().map(Box::new),
                seq: u32::try_from(seq).unwrap_or(u32::MAX),
                cursor,
                chunk,
            };
            // A log of everything goes on in the next play.
            if log.is_of_one() {
                read.current.insert(log);
            }
            recorder.record(event);
        }
        Ok(())
    }

    /// The entries of the play that the log at `url` holds of a thread, as text to keep. Where names of logs do not say their
    /// thread, those of all turns of the play.
    pub(super) async fn dump(&self, url: Option<&str>, thread: &ThreadId) -> Result<String, LogError> {
        let mut read = self.at(url).await;
        let Read { feed, current, .. } = &mut *read;
        let mut text = String::new();
        for log in current.iter() {
            if log.thread.as_ref().is_none_or(|of| of == thread) {
                text.push_str(&feed.dump(log).await?);
            }
        }
        Ok(text)
    }

    /// Does something that may replace the log, with the reader stopped; then the log is looked up anew.
    pub(super) async fn unread<T>(&self, work: impl Future<Output = T>) -> T {
        let mut read = self.read.lock().await;
        let done = work.await;
        read.feed.may_be_another();
        done
    }

    /// Consumers that the log's part keeps for its readers. Returns `None` if it keeps none for anybody.
    pub(super) async fn consumers(&self, url: Option<&str>) -> Result<Option<u64>, LogError> {
        self.at(url).await.feed.consumers().await
    }

    /// Subscriptions to the log that its part's clients have, by its monitor. Returns `None` if the part has none for anybody.
    pub(super) async fn subscriptions(&self, monitor: SocketAddr) -> Result<Option<u64>, LogError> {
        self.read.lock().await.feed.subscriptions(monitor).await
    }

    async fn at(&self, url: Option<&str>) -> tokio::sync::MutexGuard<'_, Read> {
        let mut read = self.read.lock().await;
        if let Some(url) = url {
            read.feed.moved(url);
        }
        read
    }
}
