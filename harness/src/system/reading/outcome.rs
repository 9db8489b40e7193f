//! The reading of one frame.

use serde_json::Value;

use crate::history::{Chunk, Cursor};
use crate::wire::text::cut;

/// Longest piece of an unreadable frame that is kept, in bytes: enough to see its kind, little enough to print.
const KEPT: usize = 400;

/// The reading of one frame.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Read {
    /// What the frame says, in order; empty if it says nothing that is judged.
    pub chunks: Vec<Chunk>,
    /// The rule that took it: its place in `[[stream.frames]]`, from 0.
    pub rule: Option<usize>,
    /// The frame's kind, if it could be told.
    pub kind: Option<String>,
    /// The cursor as the frame says it, with its JSON type, if the frame is a part of a turn's stream and has one.
    pub id: Option<Value>,
    /// The same cursor as numbers, if it reads as the description says.
    pub cursor: Option<Cursor>,
    /// What a rule looked for in the frame and did not find; for the writer of the description.
    pub note: Option<String>,
}

impl Read {
    /// The reading of a frame that nobody can read.
    pub(super) fn unreadable(why: impl Into<String>, data: &str) -> Self {
        Self {
            chunks: vec![unreadable(why.into(), data)],
            ..Self::default()
        }
    }

    /// The cursor as text.
    pub fn id_text(&self) -> Option<String> {
        match self.id.as_ref()? {
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }
}

/// The chunk for a frame that nobody can read.
pub(super) fn unreadable(why: String, data: &str) -> Chunk {
    Chunk::Unreadable {
        why,
        data: cut(data, KEPT),
    }
}
