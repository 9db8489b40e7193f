//! Streams as a watcher sees them: cursors, frames, raw bytes, and ends.

use serde::{Deserialize, Serialize};

use super::{AnswerId, Epoch, Status, TurnId};

/// A place in the stream of a thread, or of one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cursor {
    /// Epoch of the attempt, where cursors have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// Position in the attempt's frames; in all frames where cursors have no epoch.
    pub seq: u64,
}

/// The content of one frame, in whatever words the system has for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "says", rename_all = "snake_case")]
pub enum Chunk {
    /// An attempt begins.
    Start(Box<Start>),
    /// More text of the answer.
    Delta {
        /// The turn.
        turn: TurnId,
        /// The text.
        text: String,
    },
    /// All of the answer's text, in place of what was shown of it.
    Whole {
        /// The turn.
        turn: TurnId,
        /// The text.
        text: String,
    },
    /// Another part of the answer, which says nothing of its text: the begin of a text, a tool, a source.
    Part {
        /// The turn.
        turn: TurnId,
        /// Kind of the part, by the name of the stream's format.
        part: String,
    },
    /// An error that the user is shown.
    Error {
        /// The turn.
        turn: TurnId,
        /// The text for the user.
        message: String,
    },
    /// The turn is over.
    Finish {
        /// The turn.
        turn: TurnId,
        /// How it ended, where the frame says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<Status>,
    },
    /// Where the thread stands as the tail opens. No part of the stream itself.
    State {
        /// The thread's status.
        status: Status,
        /// Its newest turn, where it has one.
        turn: Option<TurnId>,
    },
    /// The cursor cannot be honoured: what follows is the newest turn from its start.
    Resync {
        /// Why.
        reason: String,
    },
    /// The pod goes and the turn goes on: the client is to attach again, to another pod.
    Handover {
        /// Why.
        reason: String,
    },
    /// The tail failed, not the turn: the client is to attach again.
    Broken {
        /// Why.
        reason: String,
    },
    /// The service closes the stream on purpose.
    Done,
    /// Nothing that the target's format knows.
    Unreadable {
        /// The fault in it.
        why: String,
        /// The event's data, cut to a readable length.
        data: String,
    },
}

impl Chunk {
    /// The turn whose answer it is part of; none of what tells of the tail itself.
    pub fn turn(&self) -> Option<&TurnId> {
        match self {
            Self::Start(start) => Some(&start.turn),
            Self::Delta { turn, .. }
            | Self::Whole { turn, .. }
            | Self::Part { turn, .. }
            | Self::Error { turn, .. }
            | Self::Finish { turn, .. } => Some(turn),
            Self::State { .. }
            | Self::Resync { .. }
            | Self::Handover { .. }
            | Self::Broken { .. }
            | Self::Done
            | Self::Unreadable { .. } => None,
        }
    }
}

/// The begin of an attempt on a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The turn.
    pub turn: TurnId,
    /// The attempt's epoch, where the stream tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// True if it tells the client to drop what it has of this turn's unfinished answer.
    pub reset: bool,
    /// The message that a client puts the answer up as, where the stream tells; none in histories before schema 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerId>,
}

/// How a tail ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TailEnd {
    /// The watcher left on purpose.
    Left,
    /// The service ended the stream and said so (`[DONE]`).
    Done,
    /// The body ended without a word.
    Eof,
    /// The connection broke.
    Broken {
        /// The socket's error.
        reason: String,
    },
    /// The bytes are no stream of events, or exceed the limit: nothing past them was read.
    NoStream {
        /// The fault in it.
        why: String,
        /// How much of it was seen, in bytes.
        seen_bytes: u64,
    },
}

/// Raw bytes: a string where they are UTF-8, else base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Raw {
    /// Valid UTF-8.
    Utf8(String),
    /// Anything else, in standard base64.
    Base64(String),
}
