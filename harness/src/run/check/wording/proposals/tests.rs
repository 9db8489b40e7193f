//! Streams in the shapes of real systems, with one mistake each in the rules.

use std::sync::Arc;

use super::*;
use crate::run::check::wording::frames::frames;
use crate::run::check::wording::screen::{Screen, fault_of};
use crate::system::load::load_alone;
use crate::system::reading::{FrameRules, Reader};

const GRAPH: &str = include_str!("../../../../../tests/descriptions/copies-of-one-service.toml");
const AGENT: &str = include_str!("../../../../../tests/descriptions/streamed-answers.toml");
/// Key in the tokens of the turn.
const KEY: &str = "k1";

/// The texts of three tokens.
fn tokens() -> [String; 3] {
    [1, 2, 3].map(|n| format!("~{KEY}.c1.k{n}.n3.000{n} "))
}

/// A stream as the first description reads it.
fn graph() -> String {
    let text = |(n, text): (usize, &String)| {
        let data = format!("[{{\"content\":\"{text}\",\"type\":\"AIMessageChunk\"}},{{\"run_id\":\"u\"}}]");
        format!("event: messages\ndata: {data}\nid: u_event_{}\n\n", 2 * n + 3)
    };
    let texts: Vec<String> = tokens().iter().enumerate().map(text).collect();
    let start = "event: metadata\ndata: {\"run_id\":\"u\",\"attempt\":1}\nid: u_event_1\n\n";
    let end = "event: end\ndata: {\"status\":\"success\"}\nid: u_event_9\n\n";
    [start, &texts.concat(), end].concat()
}

/// A stream as the second description reads it.
fn agent() -> String {
    let frame = |kind: &str, n: usize, text: &str| {
        format!("event: {kind}\ndata: {{\"run_id\":\"u\",\"content\":\"{text}\",\"event_index\":{n}}}\n\n")
    };
    let texts: Vec<String> = tokens()
        .iter()
        .enumerate()
        .map(|(n, text)| frame("RunContent", n + 1, text))
        .collect();
    let (start, end) = (frame("RunStarted", 0, ""), frame("RunCompleted", 4, &tokens().concat()));
    [start, texts.concat(), end].concat()
}

/// The bad lines about a stream, by a description with some text changed; and what is wrong with the screen.
fn bad(description: &str, change: (&str, &str), stream: &str) -> (Vec<String>, String) {
    assert!(description.contains(change.0), "{:?} is in the description", change.0);
    let text = description.replace(change.0, change.1);
    let described = load_alone("system.toml", &text).unwrap_or_else(|e| panic!("{:?}", e.lines()));
    let described = described.designs[0].clone();
    let rules = FrameRules {
        stream: described.system.stream.clone(),
        statuses: described.system.statuses.clone(),
    };
    let (turn, stream_rules) = (TurnId::from("u"), rules.stream.clone());
    let reader = Reader::new(Arc::new(rules), Some(turn.clone()));
    let frames = frames(stream.as_bytes(), reader);
    let places = Places::new(described);
    let shown = Shown {
        frames: &frames,
        key: KEY,
        turn: &turn,
        stream: &stream_rules,
        places: &places,
    };
    let lines = shown.proposals().into_iter();
    let bad = lines.filter(|line| line.mark == crate::run::check::section::Mark::Bad);
    let bad = bad.inspect(|line| assert!(line.line.is_some(), "{line:?} has its place"));
    let bad = bad.map(|line| line.text).collect();
    (bad, fault_of(&Screen::after(&frames, &turn).tokens(KEY), 1, 3))
}

fn only(lines: (Vec<String>, String)) -> String {
    let (lines, fault) = lines;
    assert_eq!(lines.len(), 1, "{lines:?}, {fault}");
    lines.concat()
}

#[test]
fn rules_without_a_mistake_have_no_proposals() {
    let none = (Vec::new(), String::new());
    assert_eq!(bad(GRAPH, ("[stream]", "[stream]"), &graph()), none);
    assert_eq!(bad(AGENT, ("[stream]", "[stream]"), &agent()), none);
}

#[test]
fn a_text_pointer_that_leads_nowhere_is_told_where_the_tokens_are() {
    let got = only(bad(GRAPH, ("text = \"/0/content\"", "text = \"/content\""), &graph()));
    let expected =
        "stream.frames[1].text: /content leads nowhere in 3 of 3 frames \"messages\"; the tokens are at /0/content";
    assert_eq!(got, expected);
    let got = only(bad(GRAPH, ("text = \"/0/content\"", "text = \"/0/type\""), &graph()));
    assert_eq!(
        got,
        "stream.frames[1].text shows no token; the tokens are at /0/content of \"messages\" (3 frames)"
    );
}

#[test]
fn tokens_of_a_kind_without_a_rule_are_told_with_the_rule_to_add() {
    let got = only(bad(
        GRAPH,
        ("on = [\"messages\", \"messages|*\"]", "on = [\"message\"]"),
        &graph(),
    ));
    let rule = "{ on = [\"messages\"], is = \"text\", text = \"/0/content\" }";
    assert_eq!(
        got,
        format!("the tokens are at /0/content of \"messages\" (3 frames): say {rule}")
    );
}

#[test]
fn a_whole_text_that_is_added_is_told_by_what_it_repeats() {
    let end = "on = [\"RunContent\"]\nis = \"text\"";
    let both = "on = [\"RunContent\", \"RunCompleted\"]\nis = \"text\"";
    let (lines, fault) = bad(AGENT, (end, both), &agent());
    let expected = "stream.frames[1]: \"RunCompleted\" repeats all 3 tokens that were shown: say whole instead of text";
    assert_eq!(lines[0], expected);
    assert_eq!(fault, "shown again: 1 to 3");
}

#[test]
fn a_cursor_that_does_not_read_is_quoted() {
    let got = only(bad(
        GRAPH,
        ("reads = \"{turn}_event_{n}\"", "reads = \"{turn}-{n}\""),
        &graph(),
    ));
    assert_eq!(
        got,
        "stream.cursor.reads: \"u_event_1\" does not read as \"{turn}-{n}\" (5 of 5 frames)"
    );
}

#[test]
fn a_word_without_a_meaning_and_a_missing_end_are_told() {
    let got = only(bad(
        GRAPH,
        ("completed = [\"success\"]", "completed = [\"done\"]"),
        &graph(),
    ));
    assert_eq!(
        got,
        "stream.frames[3]: \"success\" is no word of [statuses]: is it one for completed?"
    );
    let got = only(bad(GRAPH, ("on = [\"end\"]", "on = [\"ended\"]"), &graph()));
    let last = "the last one was \"end\", which no rule takes";
    assert_eq!(
        got,
        format!("no frame said that the turn is over; {last}: say is = \"end\"")
    );
}

#[test]
fn a_kind_that_is_elsewhere_hides_no_other_mistake_behind_it() {
    let stream = "data: {\"type\":\"a\"}\n\ndata: {\"type\":\"b\"}\n\n";
    let got = only(bad(GRAPH, ("kind = \"event\"", "kind = \"/kind\""), stream));
    assert_eq!(
        got,
        "stream.kind: 2 of 2 frames have no such value; 2 have one at /type"
    );
}
