//! The rules that frames are read by.

use crate::history::Status;
use crate::system::stored::{Meaning, Statuses};
use crate::system::stream::Stream;

/// The rules of `[stream]`, with the words of `[statuses]` that its frames use.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameRules {
    /// Kinds, cursors and the rules of frames.
    pub stream: Stream,
    /// Meanings of status words.
    pub statuses: Statuses,
}

impl FrameRules {
    /// The status that a word means. Returns `None` if no list of `[statuses]` has the word.
    pub fn status(&self, word: &str) -> Option<Status> {
        self.statuses.meaning_of(word).map(status_of)
    }
}

/// The history's word for a meaning.
pub fn status_of(meaning: Meaning) -> Status {
    match meaning {
        Meaning::Idle => Status::Idle,
        Meaning::Queued => Status::Queued,
        Meaning::Running => Status::InProgress,
        Meaning::Waiting => Status::Waiting,
        Meaning::Completed => Status::Completed,
        Meaning::Failed => Status::Failed,
        Meaning::Cancelled => Status::Cancelled,
        Meaning::Lost => Status::Lost,
    }
}
