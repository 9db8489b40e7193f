//! `[calls.read]`: how stored questions and answers are read back.

use super::request::Request;
use crate::system::language::{Pointer, PointerList, Predicate};
use crate::system::table::{Node, Problem, table};

table! {
    /// Reads what is stored. With `{turn}` in the request it is asked once for each turn.
    pub ReadCall = "[calls.read]" {
        +
        /// The request.
        request: Request,
        /// Pointer to the list of messages, `""` for the answer itself. Without it the answer is one turn's.
        each: Option<Pointer>,
        /// Pointer to the thread's status, a word of `[statuses]`, where the answer tells it.
        status: Option<PointerList>,
        /// Finds the user's messages; a turn is known by the key in its question.
        question: Option<Finder>,
        /// Finds the answers. Without `turn` an answer belongs to the question before it.
        answer: Finder,
    }
    check check_read
}

table! {
    /// Finds messages, and says where their parts are.
    pub Finder = "question, answer" {
        /// What holds of such a message. Without it every message is one.
        predicate as "where": Option<Predicate>,
        /// Pointer to the text.
        text: PointerList,
        /// Pointer to the turn's id.
        turn: Option<PointerList>,
        /// Pointer to the status, a word of `[statuses]`.
        status: Option<PointerList>,
        /// Pointer to the error that a person reads.
        error: Option<PointerList>,
    }
}

fn check_read(call: &ReadCall, node: &Node, found: &mut Vec<Problem>) {
    if call.question.is_some() && call.each.is_none() {
        let node = node.get("question").unwrap_or(node);
        let problem = Problem::at(
            node,
            "a question is looked for in a list of messages, and each is missing",
        );
        found.push(problem.help("say each = \"/messages\", for example"));
    }
}
