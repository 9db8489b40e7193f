//! Calls: keys that need each other.

use super::look::{items, read};
use crate::system::table::node::Value;
use crate::system::table::{Node, Problem};
use crate::system::talk::{AttachCall, Patch, Request};

pub(super) fn check(tree: &Node, found: &mut Vec<Problem>) {
    if let Some(thread) = tree.find("calls.thread") {
        captures(thread, "thread", found);
    }
    if let Some(turn) = tree.find("calls.turn") {
        check_turn(tree, turn, found);
    }
    check_attach(tree, found);
}

/// Notes that a call does not capture what it is there for.
fn captures(call: &Node, name: &str, found: &mut Vec<Problem>) {
    let is_captured = call.get("capture").is_some_and(|capture| capture.get(name).is_some());
    if !is_captured {
        let problem = Problem::at(call, format!("capture has no {name}")).absence();
        found.push(problem.help(format!("say capture = {{ {name} = \"/id\" }}, for example")));
    }
}

fn check_turn(tree: &Node, turn: &Node, found: &mut Vec<Problem>) {
    captures(turn, "turn", found);
    let Some(request) = read::<Request>(tree, "calls.turn") else {
        return;
    };
    if !request.uses("text") {
        found.push(
            Problem::at(
                turn,
                "{text} is nowhere in the request: the user's words would not be sent",
            )
            .absence(),
        );
    }
    let has_threads = tree.find("calls.thread").is_some() || request.uses("thread");
    if has_threads && turn.get("busy").is_none() {
        let problem = Problem::at(turn, "say busy: what a thread with a running turn does with the next").absence();
        found.push(problem.help("say busy = \"queues\", \"refuses\" or \"parallel\""));
    }
    let is_idempotent = turn.get("idempotent").filter(|node| node.value == Value::Flag(true));
    if let Some(node) = is_idempotent.filter(|_| !request.uses("message")) {
        let problem = Problem::at(
            node,
            "{message} is nowhere in the request: the system cannot know a message again",
        );
        found.push(problem.help("put {message} where the system looks for it, or leave idempotent out"));
    }
}

fn check_attach(tree: &Node, found: &mut Vec<Problem>) {
    let attach = tree.find("calls.attach");
    let streams = tree
        .find("calls.turn.streams")
        .is_some_and(|node| node.value == Value::Flag(true));
    if let (None, false, Some(calls)) = (attach, streams, tree.find("calls")) {
        let problem = Problem::at(calls, "nothing shows a turn as it runs").absence();
        found.push(problem.help("add [calls.attach], or say streams = true in [calls.turn]"));
    }
    for (n, form) in items(tree, "calls.attach.resume").iter().enumerate() {
        let patch = read::<Patch>(tree, &format!("calls.attach.resume[{n}]"));
        if patch.is_some_and(|patch| !patch.uses("cursor")) {
            found.push(Problem::at(
                form,
                "{cursor} is missing: this form would resume from nowhere",
            ));
        }
    }
    let resumes = read::<AttachCall>(tree, "calls.attach").is_some_and(|attach| !attach.resume.is_empty());
    if let (true, Some(stream), None) = (resumes, tree.find("stream"), tree.find("stream.cursor")) {
        let problem = Problem::at(stream, "calls.attach resumes, and no frame has a cursor").absence();
        found.push(problem.help("say cursor = { at = \"id\" }, for example"));
    }
}
