//! Events of the stores: rows after a committed change, messages of the stream log, statuses that were asked for;
//! and answers as a pod's API returns them.

use serde::{Deserialize, Serialize};

use super::{Attempt, Chunk, Cursor, Epoch, FeedbackId, MessageId, PodName, ThreadId, TurnId, TurnKey, WatcherId};

/// Status of a thread or turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A thread without a turn in flight that never had one.
    Idle,
    /// Accepted, waiting for an owner.
    Queued,
    /// Running.
    InProgress,
    /// Stopped until a person has answered.
    Waiting,
    /// Answered.
    Completed,
    /// Ended with an error that the user can read.
    Failed,
    /// Ended by a pod's death without another try.
    Lost,
    /// Ended by the user.
    Cancelled,
}

impl Status {
    /// True if nothing can follow it.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Lost | Self::Cancelled)
    }
}

/// A change in a store, or the answer of a store that was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StoreEvent {
    /// A row changed, by a committed transaction, told in commit order.
    Row {
        /// Position of the change in the database's log, as it prints it; a remark.
        lsn: Box<str>,
        /// Transaction; the changes of one transaction follow one another.
        xid: u64,
        /// The row as it is after the change.
        row: Row,
    },
    /// An entry came to be in the stream log, told in the log's order: a frame as it is stored for every tail of its thread or turn.
    /// It was stored some time before, and is told once; one that was cleared away before it was read is not told.
    Logged {
        /// The thread whose log it is in, if the log's name says that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thread: Option<ThreadId>,
        /// The turn whose log it is in, if turns have logs of their own; boxed, because there are many events and few such systems.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turn: Option<Box<TurnId>>,
        /// Its place in the stream log, from 1, as far as 32 bits count; entries of other threads and turns lie between those of one.
        /// If a number is left out, something may have lain there that was not read.
        seq: u32,
        /// The id under which clients are shown the frame, as a cursor, where the entry carries one that can be read.
        cursor: Option<Cursor>,
        /// The frame's content.
        chunk: Chunk,
    },
    /// The database was asked for a turn's status right after a watcher had been shown its terminal.
    TerminalProbe {
        /// Watcher that was shown the terminal.
        watcher: WatcherId,
        /// Turn asked for.
        turn: TurnId,
        /// Status in the database at that moment; none where there was no such row.
        status: Option<Status>,
    },
    /// The owner of a thread as read from the database to aim a fault.
    OwnerRead {
        /// Thread asked for.
        thread: ThreadId,
        /// Owner, where it has one.
        owner: Option<PodName>,
        /// Its epoch, where there are epochs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<Epoch>,
        /// Its status.
        status: Status,
    },
}

/// A row after a committed change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "table", rename_all = "snake_case")]
pub enum Row {
    /// A thread.
    Thread {
        /// Its id.
        thread: ThreadId,
        /// Its status.
        status: Status,
        /// The owner as the row names it, where it has one. A name that is no pod's stands as it is.
        owner: Option<PodName>,
        /// Its newest claim, where the row tells claims apart by anything but an epoch.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<Attempt>,
        /// Its epoch, where the row has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<Epoch>,
    },
    /// A turn.
    Turn(Box<TurnRow>),
    /// A thread was removed: no table tells a status of it any more.
    ThreadGone {
        /// Its id.
        thread: ThreadId,
    },
    /// A turn was removed: no table tells a status of it any more.
    TurnGone {
        /// Its id.
        turn: TurnId,
    },
    /// A part of an answer was added.
    Part {
        /// Its turn.
        turn: TurnId,
        /// Epoch of the attempt that wrote it, where the row has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<Epoch>,
        /// Position in the attempt.
        seq: u64,
        /// Its text.
        text: String,
    },
    /// A part of an answer was removed.
    PartGone {
        /// Its turn.
        turn: TurnId,
        /// Epoch of the attempt that had written it, where the row has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<Epoch>,
        /// Position in the attempt.
        seq: u64,
    },
    /// A change that the description cannot read: the history cannot be judged.
    Unread {
        /// Table and column.
        place: Box<str>,
        /// The value, cut to a readable length.
        value: Box<str>,
        /// Why it cannot be read.
        why: Box<str>,
    },
    /// A piece of feedback was stored.
    Feedback {
        /// Its item.
        item: FeedbackId,
    },
    /// A stored piece of feedback was removed.
    FeedbackGone {
        /// Its item.
        item: FeedbackId,
    },
}

/// A turn's row. What a row does not say is `None`: unknown, not zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnRow {
    /// Its id.
    pub turn: TurnId,
    /// Its thread.
    pub thread: ThreadId,
    /// The message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// Its status.
    pub status: Status,
    /// The owner as the row names it. `None` if it has none, or if rows of turns name no owners. A name that is no pod's
    /// stands as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<PodName>,
    /// Its newest claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// Epoch of its newest attempt. `None` before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// The error that a user is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One answer as a pod's API tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadAnswer {
    /// Its turn, where the API names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
    /// The key in the question in front of it, where the API returns questions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<TurnKey>,
    /// The turn's status, where the API tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// The answer's text.
    pub text: String,
    /// The error shown to the user, if any.
    pub error: Option<String>,
}

/// One of the user's messages as a pod's API tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadQuestion {
    /// The key in its text, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<TurnKey>,
    /// Its text.
    pub text: String,
}
