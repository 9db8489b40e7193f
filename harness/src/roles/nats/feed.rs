//! The messages of the system's stream log, each read once, in the log's order, as they come.
//!
//! The feed reads by sequence number. Nothing on the server belongs to it, so a restart of the broker needs no new set-up. A
//! message that was purged before it was read is lost to the feed: read more often than the system purges.

use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::Context;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{DirectGetErrorKind, Stream};
use futures_util::StreamExt as _;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use super::dump;
use super::stream::{Made, connect};
use crate::history::{Chunk, Cursor, ThreadId};
use crate::system::{Log, frames};

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

/// A message of the log: a frame as it is stored for every tail of its thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The thread whose log it is in.
    pub thread: ThreadId,
    /// Its place in the log, from 1.
    pub seq: u64,
    /// The id under which clients are shown the frame, where the message carries one that can be read.
    pub cursor: Option<Cursor>,
    /// The chunk that its frame says.
    pub chunk: Chunk,
}

/// A reader of a system's stream log.
pub struct LogFeed {
    url: String,
    log: Log,
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
    /// A reader of the log at `url`, from its beginning; connects when it is first asked, and rings `heard` from then on when there
    /// may be something to read.
    pub fn new(url: &str, log: &Log, heard: Arc<Notify>) -> Self {
        Self {
            url: url.to_owned(),
            log: log.clone(),
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
    pub async fn drain(&mut self) -> Result<Vec<Message>, LogError> {
        let mut messages = Vec::new();
        let drained = tokio::time::timeout(ONE_DRAIN, self.drain_into(&mut messages)).await;
        match drained.unwrap_or_else(|_| Err(self.broken(format!("not read within {ONE_DRAIN:?}")))) {
            // The messages that were read come first; the error is still there at the next call.
            Err(error) if messages.is_empty() => Err(error),
            _ => Ok(messages),
        }
    }

    async fn drain_into(&mut self, messages: &mut Vec<Message>) -> Result<(), LogError> {
        let all = self.log.subject.replace("{thread}", "*");
        loop {
            let next = self.next;
            let found = self
                .stream()
                .await?
                .direct_get_next_for_subject(all.as_str(), Some(next))
                .await;
            match found {
                Ok(message) => {
                    self.next = message.sequence + 1;
                    messages.extend(entry(&self.log, &message));
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

    /// The messages of a thread as text to keep, one JSON object a line, in the log's order.
    ///
    /// # Errors
    /// The log cannot be reached, or not be read within its bound.
    pub async fn dump(&mut self, thread: &ThreadId) -> Result<String, LogError> {
        let subject = self.log.subject.replace("{thread}", thread.as_str());
        let text = dump::stream(self.stream().await?, &subject).await;
        text.map_err(|what| self.broken(what))
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
        context.get_stream(&self.log.stream).await.map_err(|e| e.to_string())
    }

    async fn listen(&self) -> Result<Connection, String> {
        let context = connect(&self.url).await?;
        let all = self.log.subject.replace("{thread}", "*");
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
    let at = url.trim_start_matches("nats://").to_owned();
    LogError { at, what }
}

/// A message as the history tells it; none for one that carries nothing the judge asks about, or of another subject.
fn entry(log: &Log, message: &StreamMessage) -> Option<Message> {
    let id = message
        .headers
        .get(log.id_header.as_str())
        .map(async_nats::HeaderValue::as_str);
    read(log, &message.subject, message.sequence, id, &message.payload)
}

fn read(log: &Log, subject: &str, seq: u64, id: Option<&str>, payload: &[u8]) -> Option<Message> {
    let (before, after) = log.subject.split_once("{thread}")?;
    let thread = ThreadId::from(subject.strip_prefix(before)?.strip_suffix(after)?);
    let chunk = frames::read_frame(&String::from_utf8_lossy(payload))?;
    Some(Message {
        thread,
        seq,
        cursor: id.and_then(frames::read_cursor),
        chunk,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Epoch;
    use crate::system::System;

    #[test]
    fn a_message_is_read_with_its_thread_and_its_place() {
        let log = System::reference().log.expect("the reference pod has a log");
        let payload = br#"{"type":"text-delta","turnId":"u1","delta":"x "}"#;
        let entry = read(&log, "chunks.t-1", 7, Some("2-3"), payload).expect("a frame");
        let chunk = Chunk::Delta {
            turn: "u1".into(),
            text: "x ".into(),
        };
        let (epoch, seq) = (Some(Epoch(2)), 3);
        assert_eq!((entry.thread.as_str(), entry.seq, &entry.chunk), ("t-1", 7, &chunk));
        assert_eq!(entry.cursor, Some(Cursor { epoch, seq }));
        assert_eq!(read(&log, "other.t-1", 7, None, payload), None);
        let odd = read(&log, "chunks.t-1", 8, None, &[0xff]).expect("told as it is");
        assert!(matches!(odd.chunk, Chunk::Unreadable { .. }) && odd.cursor.is_none());
    }
}
