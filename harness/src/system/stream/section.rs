//! `[stream]`: the kinds of frames, and their rules.

use super::cursor::CursorRule;
use super::frame::{FrameRule, Says};
use crate::history::TextFrames;
use crate::system::language::Pointer;
use crate::system::table::read::parsed;
use crate::system::table::{Filled, Node, Problem, Read, Shape, table};

/// Where the kind of a frame is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// In the `event` field of the SSE event.
    Event,
    /// In the frame's JSON.
    At(Pointer),
}

impl Read for Kind {
    fn shape() -> Shape {
        Shape::Text("`\"event\"`, or pointer")
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        let parse = |text: &str| match text {
            "event" => Ok(Self::Event),
            pointer => Pointer::parse(pointer).map(Self::At),
        };
        parsed(node, "\"event\" or a pointer, such as \"/type\"", parse, found)
    }
}

table! {
    /// What the frames of a stream mean.
    pub Stream = "[stream]" {
        /// What a frame is called.
        kind: Kind,
        /// Data that closes a stream on purpose.
        done: Option<String>,
        /// True: every kind is named here, and an unknown one breaks FramesWhole.
        complete: bool = false,
        /// Kinds of frames that open a text. With `closes`: each text is opened before it is closed, and closed before the end of its turn.
        opens: Vec<String>,
        /// Kinds of frames that close a text.
        closes: Vec<String>,
        /// Where a frame's cursor is. Without it nothing can be resumed.
        cursor: Option<CursorRule>,
        /// Rules, in order: the first that fits counts.
        frames: Filled<FrameRule>,
    }
    check shows_text
}

impl Stream {
    /// The kinds of frames that open and close a text. Returns `None` if one of them is missing.
    pub fn texts(&self) -> Option<TextFrames> {
        let (opens, closes) = (self.opens.clone(), self.closes.clone());
        (!opens.is_empty() && !closes.is_empty()).then_some(TextFrames { opens, closes })
    }
}

fn shows_text(stream: &Stream, node: &Node, found: &mut Vec<Problem>) {
    let shows = |rule: &FrameRule| rule.says == Says::Text || rule.whole.is_some();
    if !stream.frames.iter().any(shows) {
        let node = node.get("frames").unwrap_or(node);
        found.push(Problem::at(node, "no rule shows text").help("say is = \"text\" for the frames that hold tokens"));
    }
}
