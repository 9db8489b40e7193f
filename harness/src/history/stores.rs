//! What the stores hold: statuses, rows after a committed change, answers as a pod's API tells them.

use serde::{Deserialize, Serialize};

use super::{Epoch, FeedbackId, MessageId, PodName, ThreadId, TurnId};

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
    /// Whether nothing can follow it.
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed | Self::Interrupted | Self::Cancelled
        )
    }
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
