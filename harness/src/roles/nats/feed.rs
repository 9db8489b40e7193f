//! The messages of the system's stream log, each read once, in the log's order, as they come.
//!
//! The feed reads by sequence number. Nothing on the server belongs to it, so a restart of the broker needs no new set-up. A
//! message that was purged before it was read is lost to the feed: read more often than the system purges.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{DirectGetErrorKind, Stream};
use async_nats::{HeaderMap, HeaderValue};
use futures_util::StreamExt as _;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use super::stream::{Made, connect, place};
use super::{dump, monitor};
use crate::system::reading::{Body, Entries, Entry, LogMessage};
use crate::system::stream::{LogNames, OneLog};

/// Longest that one question to the broker may take.
const ONE_QUESTION: Duration = Duration::from_secs(1);
/// Longest that reading what has piled up may take.
const ONE_DRAIN: Duration = Duration::from_secs(10);

/// The log cannot be read just now.
#[derive(Debug, thiserror::Error)]
#[error("stream log at {at}: {what}")]
pub struct LogError {
    at: String,
    what: String,
}

/// A reader of a system's stream log.
pub struct LogFeed {
    url: String,
    /// Name of the stream.
    name: String,
    names: LogNames,
    entries: Entries,
    /// Rung for whatever is published to the log's subjects: it is stored by then or will be within moments.
    heard: Arc<Notify>,
    connection: Option<Connection>,
    stream: Option<Stream>,
    /// Which log `next` is a place of.
    made: Option<Made>,
    /// Place of the next message that was not told yet.
    next: u64,
}

struct Connection {
    context: Context,
    /// Ends with the connection that it listens at.
    _listening: AbortOnDropHandle<()>,
}

impl LogFeed {
    /// A reader of the stream `name`, from its beginning, with logs of these names in it. It connects when it is first asked;
    /// [`LogFeed::moved`] says where. From then on it rings `heard` when there may be something to read.
    pub fn new(name: &str, names: LogNames, entries: Entries, heard: Arc<Notify>) -> Self {
        Self {
            url: String::new(),
            name: name.to_owned(),
            names,
            entries,
            heard,
            connection: None,
            stream: None,
            made: None,
            next: 1,
        }
    }

    /// Reads through `url` from now on: a broker that was started again is elsewhere.
    pub fn moved(&mut self, url: &str) {
        if self.url != url {
            url.clone_into(&mut self.url);
            self.disconnect();
        }
    }

    /// Looks anew whether the log is the one that was read until now, before it is read further.
    pub fn may_be_another(&mut self) {
        self.stream = None;
    }

    /// Passes over everything that the log holds by now; where there is no log yet, over nothing.
    pub async fn skip(&mut self) {
        self.stream = None;
        self.entries.forget();
        self.next = match self.stream().await {
            Ok(stream) => stream.cached_info().state.last_sequence + 1,
            Err(e) => {
                tracing::info!(error = %e, "nothing to pass over");
                1
            }
        };
    }

    /// Everything stored since the last call, in the log's order.
    ///
    /// # Errors
    /// The log cannot be reached just now: the next call goes on where this one stopped.
    pub async fn drain(&mut self) -> Result<Vec<LogMessage>, LogError> {
        let mut messages = Vec::new();
        let drained = tokio::time::timeout(ONE_DRAIN, self.drain_into(&mut messages)).await;
        match drained.unwrap_or_else(|_| Err(self.broken(format!("not read within {ONE_DRAIN:?}")))) {
            // The messages that were read come first; the error is still there at the next call.
            Err(error) if messages.is_empty() => Err(error),
            _ => Ok(messages),
        }
    }

    async fn drain_into(&mut self, messages: &mut Vec<LogMessage>) -> Result<(), LogError> {
        let all = self.names.subjects();
        loop {
            // A stream that was made anew is read from its first message.
            self.stream().await?;
            let next = self.next;
            let found = self
                .stream()
                .await?
                .direct_get_next_for_subject(all.as_str(), Some(next))
                .await;
            match found {
                Ok(message) => {
                    self.next = message.sequence + 1;
                    messages.extend(self.said(&message.subject, message.sequence, &message.headers, &message.payload));
                }
                Err(error) if error.kind() == DirectGetErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(self.broken(error.to_string())),
            }
        }
    }

    /// Consumers that the broker keeps for the log's readers.
    ///
    /// # Errors
    /// The log cannot be reached.
    pub async fn consumers(&mut self) -> Result<u64, LogError> {
        let info = self.stream().await?.get_info().await;
        match info {
            Ok(info) => Ok(info.state.consumer_count as u64),
            Err(error) => Err(self.broken(error.to_string())),
        }
    }

    /// Subscriptions to the log that the broker's clients have, by its monitor at `monitor`.
    ///
    /// # Errors
    /// The monitor cannot be asked.
    pub async fn subscriptions(&self, monitor: SocketAddr) -> Result<u64, LogError> {
        let is_of_log = |subject: &str| self.names.read(subject).is_some();
        let counted = monitor::subscriptions(monitor, is_of_log).await;
        counted.map_err(|what| error(&self.url, what))
    }

    /// The messages of a log as text to keep, one JSON object a line, in the log's order.
    ///
    /// # Errors
    /// The log cannot be reached, or not be read within its bound.
    pub async fn dump(&mut self, log: &OneLog) -> Result<String, LogError> {
        let text = dump::stream(self.stream().await?, &log.name).await;
        text.map_err(|what| self.broken(what))
    }

    /// The frames that a message says. None if its subject is none of a log's, or if it says nothing that is judged.
    fn said(&mut self, subject: &str, seq: u64, headers: &HeaderMap, payload: &[u8]) -> Vec<LogMessage> {
        let Some(log) = self.names.read(subject) else {
            return Vec::new();
        };
        let header = self.entries.header().and_then(|name| headers.get(name));
        let entry = Entry {
            body: Body::Bytes(payload),
            header: header.map(HeaderValue::as_str),
        };
        self.entries.read(&log, seq, entry)
    }

    async fn stream(&mut self) -> Result<&Stream, LogError> {
        if self.stream.is_none() {
            let late = format!("no answer within {ONE_QUESTION:?}");
            let opened = tokio::time::timeout(ONE_QUESTION, self.open()).await;
            let opened = opened.unwrap_or(Err(late)).map_err(|what| self.broken(what))?;
            let made = Made::of(opened.cached_info());
            if self.made.replace(made).is_some_and(|before| before != made) {
                // It was lost and made again, and counts anew.
                self.next = 1;
            }
            self.stream = Some(opened);
        }
        self.stream
            .as_ref()
            .ok_or_else(|| error(&self.url, "no connection".to_owned()))
    }

    /// Looks the log up, over the connection that there is where it still holds.
    async fn open(&mut self) -> Result<Stream, String> {
        let holds = |kept: &Connection| kept.context.client().connection_state() == State::Connected;
        let connection = match self.connection.take().filter(holds) {
            Some(kept) => kept,
            None => self.listen().await?,
        };
        let context = &self.connection.insert(connection).context;
        context.get_stream(&self.name).await.map_err(|e| e.to_string())
    }

    async fn listen(&self) -> Result<Connection, String> {
        let context = connect(&self.url).await?;
        let all = self.names.subjects();
        let mut published = context.client().subscribe(all).await.map_err(|e| e.to_string())?;
        let heard = self.heard.clone();
        let listening = tokio::spawn(async move {
            while published.next().await.is_some() {
                heard.notify_one();
            }
        });
        Ok(Connection {
            context,
            _listening: AbortOnDropHandle::new(listening),
        })
    }

    fn disconnect(&mut self) {
        self.stream = None;
        self.connection = None;
    }

    fn broken(&mut self, what: String) -> LogError {
        self.disconnect();
        error(&self.url, what)
    }
}

fn error(url: &str, what: String) -> LogError {
    let at = place(url).to_owned();
    LogError { at, what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Chunk, Cursor, Epoch, ThreadId, TurnKey};
    use crate::system::load::reference::reference;
    use crate::system::reading::FrameRules;

    fn feed() -> LogFeed {
        let system = reference();
        let log = system.log.expect("the reference pod has a log");
        let (stream, statuses) = (system.stream, system.statuses);
        let rules = FrameRules { stream, statuses };
        let entries = Entries::new(&log, rules, Arc::new(|_: &TurnKey| None));
        let names = LogNames::new(log.subject.expect("a subject"));
        LogFeed::new("CHUNKS", names, entries, Arc::default())
    }

    #[test]
    fn a_message_is_read_with_its_thread_and_its_place() {
        let mut feed = feed();
        let payload = br#"{"type":"text-delta","turnId":"u1","delta":"x "}"#;
        let mut headers = HeaderMap::new();
        headers.insert("Frame-Id", "2-3-0123abcd");
        let messages = feed.said("chunks.t-1", 7, &headers, payload);
        let [message] = &messages[..] else {
            panic!("{messages:?}")
        };
        let chunk = Chunk::Delta {
            turn: "u1".into(),
            text: "x ".into(),
        };
        let (epoch, seq) = (Some(Epoch(2)), 3);
        assert_eq!((message.seq, &message.chunk), (7, &chunk));
        assert_eq!(message.log.thread, Some(ThreadId::from("t-1")));
        assert_eq!(message.cursor, Some(Cursor { epoch, seq }));
        assert_eq!(feed.said("other.t-1", 7, &headers, payload), []);
        let odd = feed.said("chunks.t-1", 8, &HeaderMap::new(), &[0xff]);
        assert!(matches!(
            &odd[..],
            [LogMessage {
                chunk: Chunk::Unreadable { .. },
                cursor: None,
                ..
            }]
        ));
    }
}
