//! `[log]`: the log that carries the frames.

use crate::system::language::{Pattern, Pointer};
use crate::system::table::read::parsed;
use crate::system::table::{Node, Problem, Read, Shape, table};

/// Where a log entry's cursor is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogCursor {
    /// In a header of the message. An entry of a Redis stream has one, `id`.
    Header(String),
    /// In the entry's JSON.
    At(Pointer),
}

impl Read for LogCursor {
    fn shape() -> Shape {
        Shape::Text("pointer, or `\"header:NAME\"`")
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        let parse = |text: &str| match text.strip_prefix("header:") {
            Some(name) => Ok(Self::Header(name.to_owned())),
            None => Pointer::parse(text).map(Self::At),
        };
        parsed(node, "a pointer or \"header:NAME\"", parse, found)
    }
}

table! {
    /// The log that carries the frames of tails, if there is one.
    pub StreamLog = "[log]" {
        /// The part that holds it.
        part: String,
        /// `nats`: the JetStream stream.
        stream: Option<String>,
        /// `nats`: the subject of a thread's or turn's messages.
        subject: Option<Pattern>,
        /// `redis`: the key of a thread's or turn's list, which grows at its end, or of its stream.
        key: Option<Pattern>,
        /// Pointer to the kind of the frame in an entry. Without it the kind is where `[stream]` says.
        kind: Option<Pointer>,
        /// Pointer to the frame in an entry. Without it the entry is the frame.
        data: Option<Pointer>,
        /// The cursor under which clients are shown the entry. `"header:id"` is the id of an entry of a Redis stream.
        cursor: Option<LogCursor>,
    }
}
