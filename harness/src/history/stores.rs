//! Events of the stores: rows after a committed change, messages of the stream log, statuses that were asked for;
//! and answers as a pod's API returns them.

use serde::{Deserialize, Serialize};

use super::{Chunk, Cursor, Epoch, FeedbackId, MessageId, PodName, ThreadId, TurnId, WatcherId};

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
    /// Answered.
    Completed,
    /// Ended with an error that the user can read.
    Failed,
    /// Ended by a pod's death without another try.
    Interrupted,
    /// Ended by the user.
    Cancelled,
}

impl Status {
    /// True if nothing can follow it.
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed | Self::Interrupted | Self::Cancelled
        )
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
    /// A message came to be in the stream log, told in the log's order: a frame as it is stored for every tail of its thread.
    /// It was stored some time before, and is told once; one that was cleared away before it was read is not told.
    Logged {
        /// The thread whose log it is in.
        thread: ThreadId,
        /// Its place in the log, from 1, as far as 32 bits count; messages of other threads lie between those of one.
        seq: u32,
        /// The id under which clients are shown the frame, as a cursor, where the message carries one that can be read.
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
        /// Its epoch.
        epoch: Epoch,
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
        /// Pod that owns it, where it has an owner.
        owner: Option<PodName>,
        /// Its epoch.
        epoch: Epoch,
    },
    /// A turn.
    Turn {
        /// Its id.
        turn: TurnId,
        /// Its thread.
        thread: ThreadId,
        /// The message it answers.
        message: MessageId,
        /// Its status.
        status: Status,
        /// Attempts begun so far.
        attempt: u32,
        /// Epoch of its newest attempt; 0 before the first.
        epoch: Epoch,
    },
    /// A part of an answer was added.
    Part {
        /// Its turn.
        turn: TurnId,
        /// Epoch of the attempt that wrote it.
        epoch: Epoch,
        /// Position in the attempt.
        seq: u64,
        /// Its text.
        text: String,
    },
    /// A part of an answer was removed.
    PartGone {
        /// Its turn.
        turn: TurnId,
        /// Epoch of the attempt that had written it.
        epoch: Epoch,
        /// Position in the attempt.
        seq: u64,
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

/// One answer as a pod's API tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadAnswer {
    /// Its turn.
    pub turn: TurnId,
    /// The turn's status.
    pub status: Status,
    /// The answer's text.
    pub text: String,
    /// The error shown to the user, if any.
    pub error: Option<String>,
}
