//! `[[stream.frames]]`: a rule that says what a kind of frame means.

use crate::system::language::{Glob, PointerList, Predicate};
use crate::system::stored::Meaning;
use crate::system::table::node::Value;
use crate::system::table::{Node, Problem, Read, Shape, table, words};

words! {
    /// What a frame says.
    pub Says {
        /// An attempt begins; with `resets` a client drops what it has of the turn.
        Start = "start",
        /// Text of the answer.
        Text = "text",
        /// The turn is over.
        End = "end",
        /// The turn failed, in words.
        Error = "error",
        /// Where the thread stands.
        State = "state",
        /// The client is to ask for the stream again. It keeps the text that it shows: an answer that begins anew is a `start` with `resets`.
        Resync = "resync",
        /// The pod goes and the turn goes on: the client is to attach again, to another pod. A system with such a frame closes no stream
        /// of a turn that goes on without it, and sends none on a stream whose turn is over.
        Handover = "handover",
        /// The tail failed, not the turn.
        Broken = "broken",
        /// Nothing that is judged.
        Nothing = "nothing",
    }
}

/// Whether a client drops what it has of a turn when an attempt begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resets {
    /// Always, or never.
    Fixed(bool),
    /// A flag in the frame tells.
    At(PointerList),
}

impl Read for Resets {
    fn shape() -> Shape {
        Shape::Any(vec![Shape::Flag, Shape::Text("pointer to a flag")])
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        if matches!(node.value, Value::Flag(_)) {
            return bool::read(node, found).map(Self::Fixed);
        }
        PointerList::read(node, found).map(Self::At)
    }
}

table! {
    /// A rule for frames. `on`, `where` or both say which.
    pub FrameRule = "[[stream.frames]]" {
        /// Kinds of frames.
        on: Vec<Glob>,
        /// What holds of the frame's JSON.
        predicate as "where": Option<Predicate>,
        /// What such a frame says.
        says as "is": Says,
        /// Pointer to the turn's id. Without it the turn is that of the attach, of the last start, or of the first token's key.
        turn: Option<PointerList>,
        /// Pointer to the id of the message that a client shows.
        message: Option<PointerList>,
        /// Pointer to the epoch. Without it the provider's call in the tokens tells attempts apart.
        epoch: Option<PointerList>,
        /// `start`: whether a client drops what it has of this turn.
        resets: Resets = Resets::Fixed(false) => "false",
        /// Pointer to more text.
        text: Option<PointerList>,
        /// Pointer to all of the text, in place of what was shown.
        whole: Option<PointerList>,
        /// `end`, `state`: pointer to a word of `[statuses]`.
        status: Option<PointerList>,
        /// `end`: how the turn ended. Without `status` and `as` the store says it.
        outcome as "as": Option<Meaning>,
        /// Pointer to the error that a person reads, or to the reason of a `resync`, `handover` or `broken` tail.
        error: Option<PointerList>,
    }
    check check_rule
}

fn check_rule(rule: &FrameRule, node: &Node, found: &mut Vec<Problem>) {
    let at = |key: &str| node.get(key).unwrap_or(node);
    if rule.on.is_empty() && rule.predicate.is_none() {
        found.push(
            Problem::at(node, "which frames? on and where are missing").help("say on = [\"message\"], for example"),
        );
    }
    if rule.says == Says::Text && rule.text.is_none() && rule.whole.is_none() {
        let problem = Problem::at(node, "where is the text? text and whole are missing");
        found.push(problem.help("say text = \"/content\", for example"));
    }
    if rule.says == Says::Error && rule.error.is_none() {
        found.push(Problem::at(node, "error is missing").help("say error = \"/message\", for example"));
    }
    if rule.says == Says::State && rule.status.is_none() {
        found.push(Problem::at(node, "status is missing").help("say status = \"/status\", for example"));
    }
    if rule.status.is_some() && rule.outcome.is_some() {
        found.push(Problem::at(
            at("as"),
            "status and as both say how the turn ended: leave one out",
        ));
    }
    for (key, wanted) in [
        ("resets", &[Says::Start][..]),
        ("as", &[Says::End]),
        ("text", &[Says::Text]),
    ] {
        if node.get(key).is_some() && !wanted.contains(&rule.says) {
            let message = format!("{key} is for is = \"{}\", not for \"{}\"", wanted[0], rule.says);
            found.push(Problem::at(at(key), message));
        }
    }
}
