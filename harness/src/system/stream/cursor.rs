//! `[stream.cursor]`: where a frame's cursor is, and what it holds.

use crate::system::language::{Pattern, Pointer};
use crate::system::table::read::parsed;
use crate::system::table::{Node, Problem, Read, Shape, table};

/// Where a frame's cursor is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the `id` field of the SSE event.
    Id,
    /// In the frame's JSON.
    At(Pointer),
}

impl Read for Place {
    fn shape() -> Shape {
        Shape::Text("`\"id\"`, or pointer")
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        let parse = |text: &str| match text {
            "id" => Ok(Self::Id),
            pointer => Pointer::parse(pointer).map(Self::At),
        };
        parsed(node, "\"id\" or a pointer, such as \"/event_index\"", parse, found)
    }
}

table! {
    /// Where a frame's cursor is, and what it holds.
    pub CursorRule = "[stream.cursor]" {
        /// Place of the cursor.
        at: Place,
        /// Pattern that takes the number `{n}` out of a cursor, and `{epoch}` if there is one.
        reads: Pattern = number() => "\"{n}\"",
        /// True: no number is left out.
        dense: bool = false,
    }
    check has_number
}

fn number() -> Pattern {
    Pattern::parse("{n}").expect("a pattern that is tested")
}

fn has_number(rule: &CursorRule, node: &Node, found: &mut Vec<Problem>) {
    if !rule.reads.names().any(|name| name == "n") {
        let problem = Problem::at(node.get("reads").unwrap_or(node), "the pattern has no {n}");
        found.push(problem.help("say where the number is: \"{turn}_event_{n}\", for example"));
    }
}
