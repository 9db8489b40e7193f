use std::sync::Arc;

use super::*;
use crate::run::check::wording::frames::frames;
use crate::system::load::{Surroundings, load_partial};
use crate::system::reading::{FrameRules, Reader};

const OPEN: &str = include_str!("../../../../../tests/init/copies-of-one-service.toml");
/// Two further rules and a cursor, all open.
const MORE: &str = "[stream.cursor]\nat = \"?\"\nreads = \"?\"\n\n[[stream.frames]]\non = [\"?\"]\nis = \"start\"\nturn = \"?\"\n\n[owner]";

fn token(n: u32) -> String {
    format!("~k.c1.k{n}.n2.0000 ")
}

/// The proposals for a stream: path, value, what was seen.
fn proposals(description: &str, stream: &str) -> Vec<(String, String, String)> {
    let read = load_partial("system.toml", description, &Surroundings::taken_as_there());
    let described = read.unwrap_or_else(|e| panic!("{:?}", e.lines())).designs[0].clone();
    let rules = FrameRules {
        stream: described.system.stream.clone(),
        statuses: described.system.statuses.clone(),
    };
    let frames = frames(stream.as_bytes(), Reader::new(Arc::new(rules), Some("run-1".into())));
    let told = Told {
        frames: &frames,
        key: "k",
        turn: "run-1",
        tokens: 2,
    };
    let proposals = told.proposals(&Places::new(described)).into_iter();
    proposals
        .map(|proposal| (proposal.path, proposal.value.expect("a value"), proposal.seen))
        .collect()
}

fn values(proposals: &[(String, String, String)]) -> Vec<(&str, &str)> {
    proposals
        .iter()
        .map(|(path, value, _)| (path.as_str(), value.as_str()))
        .collect()
}

#[test]
fn a_stream_of_named_events_tells_every_open_key() {
    let frame = |n: u32, kind: &str, data: &str| format!("id: run-1_event_{n}\nevent: {kind}\ndata: {data}\n\n");
    let text = |n: u32| frame(n + 1, "messages", &format!("[{{\"content\":\"{}\"}}]", token(n)));
    let stream = [
        frame(1, "metadata", "{\"run_id\":\"run-1\"}"),
        text(1),
        text(2),
        frame(4, "end", "{\"status\":\"success\"}"),
    ];
    let told = proposals(&OPEN.replace("[owner]", MORE), &stream.concat());
    let expected = [
        ("stream.kind", "\"event\""),
        ("stream.frames[0].on[0]", "\"messages\""),
        ("stream.frames[0].text", "\"/0/content\""),
        ("stream.frames[1].on[0]", "\"end\""),
        ("stream.cursor.at", "\"id\""),
        ("stream.cursor.reads", "\"{turn}_event_{n}\""),
        ("stream.frames[2].on[0]", "\"metadata\""),
        ("stream.frames[2].turn", "\"/run_id\""),
    ];
    let mut found = values(&told);
    found.sort_by_key(|(path, _)| expected.iter().position(|(known, _)| known == path));
    assert_eq!(found, expected);
    let seen = told
        .iter()
        .find(|(path, ..)| path == "stream.frames[0].text")
        .map(|(.., seen)| seen.as_str());
    assert_eq!(seen, Some("text is at /0/content of \"messages\" (2 of 2 tokens)"));
}

#[test]
fn kinds_stand_in_the_frames_where_events_have_no_name() {
    let text = |n: u32| format!("data: {{\"type\":\"delta\",\"n\":{n},\"delta\":\"{}\"}}\n\n", token(n));
    let stream = [
        text(1),
        text(2),
        "data: {\"type\":\"done\",\"n\":3}\n\ndata: [DONE]\n\n".to_owned(),
    ];
    let told = proposals(
        &OPEN.replace("[owner]", "[stream.cursor]\nat = \"?\"\n\n[owner]"),
        &stream.concat(),
    );
    let expected = [
        ("stream.kind", "\"/type\""),
        ("stream.frames[0].on[0]", "\"delta\""),
        ("stream.frames[0].text", "\"/delta\""),
        ("stream.frames[1].on[0]", "\"done\""),
        ("stream.cursor.at", "\"/n\""),
    ];
    let mut found = values(&told);
    found.sort_by_key(|(path, _)| expected.iter().position(|(known, _)| known == path));
    assert_eq!(found, expected);
}

#[test]
fn text_may_be_the_data_itself_and_nothing_need_follow_it() {
    let stream = format!("data: {}\n\ndata: {}\n\n", token(1), token(2));
    let told = proposals(OPEN, &stream);
    let expected = [
        ("stream.kind", "\"event\""),
        ("stream.frames[0].on[0]", "\"message\""),
        ("stream.frames[0].text", "\"\""),
    ];
    assert_eq!(values(&told), expected);
    assert_eq!(proposals(OPEN, ""), []);
}

#[test]
fn of_several_kinds_around_the_text_the_name_tells_the_start_and_the_end() {
    let frame = |kind: &str| format!("data: {{\"type\":\"{kind}\"}}\n\n");
    let text = |n: u32| format!("data: {{\"type\":\"text-delta\",\"delta\":\"{}\"}}\n\n", token(n));
    let around = |kinds: &[&str]| kinds.iter().map(|kind| frame(kind)).collect::<String>();
    let (before, behind) = (
        ["state", "start", "start-step"],
        ["text-end", "finish-step", "finish", "state"],
    );
    let stream = [around(&before), text(1), text(2), around(&behind)].concat();
    let start = "[[stream.frames]]\non = [\"?\"]\nis = \"start\"\n\n[owner]";
    let told = proposals(&OPEN.replace("[owner]", start), &stream);
    let on = |n: u32| {
        told.iter()
            .find(|(path, ..)| *path == format!("stream.frames[{n}].on[0]"))
    };
    let on = |n: u32| on(n).map(|(_, value, seen)| (value.as_str(), seen.as_str()));
    assert_eq!(on(1), Some(("\"finish\"", "\"finish\" came behind the text")));
    assert_eq!(on(2), Some(("\"start\"", "\"start\" came before the text")));
}

#[test]
fn ids_of_several_numbers_read_by_the_one_that_rises() {
    let id = |n: u32| {
        format!(
            "id: 1-{n}-ab{n}\ndata: {{\"type\":\"x\",\"text\":\"{}\"}}\n\n",
            token(n)
        )
    };
    let stream: String = (1..=3).map(id).collect();
    let told = proposals(
        &OPEN.replace("[owner]", "[stream.cursor]\nat = \"id\"\nreads = \"?\"\n\n[owner]"),
        &stream,
    );
    let reads = told.iter().find(|(path, ..)| path == "stream.cursor.reads");
    assert_eq!(reads.map(|(_, value, _)| value.as_str()), Some("\"*-{n}-*\""));
}
