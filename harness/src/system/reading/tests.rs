//! Streams of real systems, read by the rules of their descriptions.

use std::sync::Arc;

use crosspod_sse::{Decoder, SseEvent};

use super::{FrameRules, Keys, Read, Reader};
use crate::history::{Chunk, Cursor, Epoch, Start, Status, TurnId, TurnKey};
use crate::system::stored::Statuses;
use crate::system::stream::Stream;
use crate::system::table::{Node, Read as _};

mod entries;
mod reference;

const GRAPH: &str = include_str!("../../../tests/descriptions/copies-of-one-service.toml");
const AGENT: &str = include_str!("../../../tests/descriptions/streamed-answers.toml");

macro_rules! capture {
    ($name:literal) => {
        include_str!(concat!("../../../tests/captures/", $name, ".txt"))
    };
}

/// The rules of a description.
fn rules(text: &str) -> Arc<FrameRules> {
    let (root, mut found) = Node::parse(text);
    let part = |name: &str| root.get(name).unwrap_or_else(|| panic!("[{name}] is missing"));
    let stream = Stream::read(part("stream"), &mut found);
    let statuses = Statuses::read(part("statuses"), &mut found);
    let messages: Vec<&str> = found.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(messages, [""; 0]);
    Arc::new(FrameRules {
        stream: stream.expect("a stream"),
        statuses: statuses.expect("statuses"),
    })
}

/// The readings of a stream's bytes.
fn play(mut reader: Reader, stream: &str) -> Vec<Read> {
    let mut events = Vec::new();
    Decoder::new(1 << 20)
        .take(stream.as_bytes(), &mut events)
        .expect("small events");
    events.iter().map(|event| reader.read(event)).collect()
}

/// The chunks of a stream in words; texts that follow one another are one, with the number of their frames and their cursors.
fn words(reads: &[Read]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut text: Option<(usize, u64, u64, String)> = None;
    for read in reads {
        let at = read.cursor.map_or(0, |cursor| cursor.seq);
        for chunk in &read.chunks {
            if let Chunk::Delta { text: more, .. } = chunk {
                let (count, _, last, shown) = text.get_or_insert((0, at, at, String::new()));
                (*count, *last) = (*count + 1, at);
                shown.push_str(more);
                continue;
            }
            words.extend(text.take().map(written));
            words.push(match chunk {
                Chunk::Start(start) => format!("{at} start, reset {}", start.reset),
                Chunk::Part { part, .. } => format!("{at} part {part}"),
                Chunk::Finish { status, .. } => format!("{at} end {status:?}"),
                other => format!("{at} {other:?}"),
            });
        }
    }
    words.extend(text.take().map(written));
    words
}

fn written((count, first, last, text): (usize, u64, u64, String)) -> String {
    format!("{first}..{last} {count} texts {text:?}")
}

/// The words `w0` to the last one.
fn up_to(last: usize) -> String {
    let words: Vec<String> = (0..=last).map(|n| format!("w{n}")).collect();
    words.join(" ") + " "
}

fn turns(reads: &[Read]) -> Vec<TurnId> {
    let turns = reads
        .iter()
        .flat_map(|read| &read.chunks)
        .filter_map(|chunk| chunk.turn().cloned());
    let mut turns: Vec<_> = turns.collect();
    turns.dedup();
    turns
}

const RUN: &str = "efda493f-30d3-4e7d-8528-b4c8d73dca33";

#[test]
fn an_owner_s_stream_ends_with_its_owner() {
    let reads = play(Reader::new(rules(GRAPH), None), capture!("graph-owner"));
    let expected = [
        "1 start, reset false".to_owned(),
        format!("3..17 8 texts {:?}", up_to(6)),
    ];
    assert_eq!(words(&reads), expected);
    assert_eq!(turns(&reads), [TurnId::from(RUN)]);
    assert!(reads.iter().all(|read| read.note.is_none()), "{reads:?}");
    let id = reads.last().and_then(Read::id_text);
    assert_eq!(id, Some(format!("{RUN}_event_17")));
}

#[test]
fn a_takeover_leaves_both_attempts_one_behind_the_other() {
    for stream in [capture!("graph-survivor"), capture!("graph-replayed")] {
        let reads = play(Reader::new(rules(GRAPH), Some(RUN.into())), stream);
        let expected = [
            "1 start, reset false".to_owned(),
            format!("3..17 8 texts {:?}", up_to(6)),
            "19 start, reset false".to_owned(),
            format!("21..75 28 texts {:?}", up_to(23)),
            "77 end Some(Completed)".to_owned(),
        ];
        assert_eq!(words(&reads), expected);
        assert_eq!(turns(&reads), [TurnId::from(RUN)]);
        assert_eq!(reads.len(), 39);
        assert!(reads.iter().all(|read| read.note.is_none()), "{reads:?}");
    }
}

#[test]
fn cursors_may_be_in_the_data_and_unknown_frames_fill_the_holes() {
    let text = format!("2..16 15 texts {:?}", up_to(13));
    let expected = ["0 start, reset true", "1 part ModelRequestStarted", &text];
    let reads = play(Reader::new(rules(AGENT), None), capture!("agent-posted"));
    assert_eq!(words(&reads), expected);
    assert_eq!(reads[1].note.as_deref(), Some("no rule takes \"ModelRequestStarted\""));
    assert_eq!(reads[0].id, Some(0.into()));
    let reads = play(Reader::new(rules(AGENT), None), capture!("agent-attached"));
    assert_eq!(words(&reads), expected);
    let is_silent = |read: &&Read| read.chunks.is_empty();
    let silent: Vec<_> = reads
        .iter()
        .filter(is_silent)
        .map(|read| read.kind.as_deref())
        .collect();
    assert_eq!(silent, [Some("catch_up"), Some("subscribed")]);
}

#[test]
fn an_end_may_repeat_the_text_or_carry_the_error() {
    let frames = "event: RunStarted\ndata: {\"run_id\":\"r\",\"event_index\":0}\n\n\
                  event: RunCompleted\ndata: {\"run_id\":\"r\",\"content\":\"a b \",\"event_index\":5}\n\n\
                  event: RunError\ndata: {\"run_id\":\"r\",\"content\":\"no\",\"event_index\":6}\n\n\
                  event: RunCancelled\ndata: {\"run_id\":\"r\",\"event_index\":7}\n\n\
                  event: error\ndata: {\"error\":\"redis is away\"}\n\n";
    let reads = play(Reader::new(rules(AGENT), None), frames);
    let turn = || TurnId::from("r");
    let end = |status| Chunk::Finish {
        turn: turn(),
        status: Some(status),
    };
    let whole = Chunk::Whole {
        turn: turn(),
        text: "a b ".into(),
    };
    let error = Chunk::Error {
        turn: turn(),
        message: "no".into(),
    };
    let broken = Chunk::Broken {
        reason: "redis is away".into(),
    };
    assert_eq!(reads[1].chunks, [whole, end(Status::Completed)]);
    assert_eq!(reads[2].chunks, [error, end(Status::Failed)]);
    assert_eq!(reads[3].chunks, [end(Status::Cancelled)]);
    assert_eq!(reads[4].chunks, [broken]);
    assert_eq!(reads[1].cursor.map(|cursor| cursor.seq), Some(5));
}

/// Rules for frames without a turn: a stream of a thread.
const SILENT: &str = r#"
[stream]
kind = "event"
[[stream.frames]]
on = ["start"]
is = "start"
resets = "/fresh"
[[stream.frames]]
on = ["delta"]
is = "text"
text = ["/text/*/text", "/text", ""]
[[stream.frames]]
on = ["all"]
is = "text"
whole = "/text"
[[stream.frames]]
on = ["end"]
is = "end"
[statuses]
"#;

fn event(name: &str, data: &str) -> SseEvent {
    SseEvent {
        name: Some(name.to_owned()),
        data: data.to_owned(),
        ..SseEvent::default()
    }
}

/// Turns by the keys of two messages.
fn keys() -> Keys {
    Arc::new(|key: &TurnKey| match key.as_str() {
        "t1" => Some("first".into()),
        "t2" => Some("second".into()),
        _ => None,
    })
}

fn token(key: &str, call: u32) -> String {
    mock_ai::token::Answer::new(key, call, 3)
        .texts()
        .next()
        .expect("a token")
}

fn start(turn: &str, reset: bool) -> Chunk {
    Chunk::Start(Box::new(Start {
        turn: turn.into(),
        epoch: None,
        reset,
        answer: None,
    }))
}

fn delta(turn: &str, text: &str) -> Chunk {
    Chunk::Delta {
        turn: turn.into(),
        text: text.into(),
    }
}

fn end(turn: &str) -> Chunk {
    Chunk::Finish {
        turn: turn.into(),
        status: None,
    }
}

#[test]
fn the_first_token_names_a_turn_that_no_frame_names() {
    let mut reader = Reader::new(rules(SILENT), None).with_keys(keys());
    let mut read = |name: &str, data: &str| reader.read(&event(name, data)).chunks;
    let (first, second) = (token("t1", 1), token("t2", 1));
    let (begin, rest) = first.split_at(4);
    assert_eq!(read("start", "{\"fresh\":true}"), []);
    assert_eq!(read("delta", begin), []);
    assert_eq!(read("delta", rest), [start("first", true), delta("first", &first)]);
    assert_eq!(read("delta", "more "), [delta("first", "more ")]);
    assert_eq!(read("end", ""), [end("first")]);
    assert_eq!(read("start", ""), []);
    let whole = Chunk::Whole {
        turn: "second".into(),
        text: second.clone(),
    };
    assert_eq!(
        read("all", &format!("{{\"text\":\"{second}\"}}")),
        [start("second", false), whole]
    );
}

#[test]
fn a_tail_of_one_turn_knows_it_from_the_start() {
    let mut reader = Reader::new(rules(SILENT), Some("u".into())).with_keys(keys());
    let mut read = |name: &str, data: &str| reader.read(&event(name, data)).chunks;
    assert_eq!(read("start", ""), [start("u", false)]);
    assert_eq!(
        read("delta", "{\"text\":[{\"text\":\"a \"},{\"text\":\"b \"}]}"),
        [delta("u", "a b ")]
    );
    assert_eq!(read("delta", &token("t2", 1)), [delta("u", &token("t2", 1))]);
    assert_eq!(read("end", ""), [end("u")]);
}

#[test]
fn a_text_that_leads_nowhere_is_noted_and_breaks_a_complete_stream_only() {
    let complete = SILENT.replace("kind = \"event\"", "kind = \"event\"\ncomplete = true");
    for (text, is_complete) in [(SILENT, false), (&complete, true)] {
        let mut reader = Reader::new(rules(text), Some("u".into()));
        let missing = reader.read(&event("all", "{}"));
        assert_eq!(missing.note.as_deref(), Some("/text leads to no text in \"all\""));
        let unknown = reader.read(&event("other", "{}"));
        assert_eq!(unknown.note.as_deref(), Some("no rule takes \"other\""));
        let torn = reader.read(&event("delta", "{\"text\":"));
        assert!(matches!(&torn.chunks[..], [Chunk::Unreadable { why, .. }] if why.starts_with("not JSON")));
        for read in [missing, unknown] {
            let is_unreadable = matches!(read.chunks[..], [Chunk::Unreadable { .. }]);
            assert_eq!(is_unreadable, is_complete, "{read:?}");
        }
    }
}

#[test]
fn hostile_frames_are_bounded() {
    let mut reader = Reader::new(rules(GRAPH), None);
    let mut long = event("metadata", &format!("{{\"run_id\":\"{}\"}}", "r".repeat(300)));
    assert_eq!(reader.read(&long).chunks, []);
    long = event("end", "{\"status\":\"success\"}");
    long.id = Some("i".repeat(300));
    let mut reader = Reader::new(rules(GRAPH), Some("u".into()));
    let read = reader.read(&long);
    assert!(matches!(&read.chunks[..], [Chunk::Unreadable { why, .. }] if why == "a cursor of 300 bytes"));
    let garbled = SseEvent {
        garbled: Some("not UTF-8 at byte 6".to_owned()),
        ..SseEvent::default()
    };
    assert!(matches!(&reader.read(&garbled).chunks[..], [Chunk::Unreadable { .. }]));
    let odd = event("end", "{\"status\":\"sunny\"}");
    let read = reader.read(&odd);
    assert_eq!(
        (&read.chunks[..], read.note.as_deref()),
        (&[end("u")][..], Some("\"sunny\" is no word of [statuses]"))
    );
}
