//! Entries of stream logs, plain and wrapped.

use serde_json::{Value, json};

use super::{GRAPH, rules};
use crate::history::{Chunk, Cursor, Epoch, Start, Status, TurnKey};
use crate::system::file::System;
use crate::system::language::{Pattern, Pointer};
use crate::system::load::reference::reference;
use crate::system::reading::{Body, Entries, Entry, FrameRules, LogMessage};
use crate::system::stream::{LogCursor, LogNames, OneLog, StreamLog};
use crate::system::table::{Node, Read as _};

fn entries(log: &StreamLog, rules: FrameRules) -> Entries {
    Entries::new(log, rules, std::sync::Arc::new(|_: &TurnKey| None))
}

/// The entries of a graph's runs: the frame and its kind in a list, beside the cursor.
fn graph() -> Entries {
    let (root, mut found) = Node::parse(GRAPH);
    let log = StreamLog::read(root.get("log").expect("[log]"), &mut found).expect("a log");
    entries(&log, FrameRules::clone(&rules(GRAPH)))
}

fn plain() -> Entries {
    let System {
        stream, statuses, log, ..
    } = reference();
    entries(&log.expect("a log"), FrameRules { stream, statuses })
}

fn one(pattern: &str, name: &str) -> OneLog {
    let names = LogNames::new(Pattern::parse(pattern).expect("a pattern"));
    names.read(name).expect("a log")
}

fn run() -> OneLog {
    one("graph:run:cache:{turn}", "graph:run:cache:u1")
}

fn thread() -> OneLog {
    one("chunks.{thread}", "chunks.t-1")
}

fn bytes(text: &str) -> Entry<'_> {
    Entry {
        body: Body::Bytes(text.as_bytes()),
        header: None,
    }
}

fn said(messages: Vec<LogMessage>) -> Vec<(Option<u64>, Chunk)> {
    let one = |message: LogMessage| (message.cursor.map(|cursor| cursor.seq), message.chunk);
    messages.into_iter().map(one).collect()
}

/// Why an entry cannot be read.
fn why(messages: &[LogMessage]) -> &str {
    match messages {
        [
            LogMessage {
                cursor: None,
                chunk: Chunk::Unreadable { why, .. },
                ..
            },
        ] => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wrapped_entry_is_a_frame_with_its_kind_and_its_cursor() {
    let mut graph = graph();
    let mut read = |n: u64, payload: Value| {
        let entry = json!({ "event_id": format!("u1_event_{n}"), "payload": payload }).to_string();
        said(graph.read(&run(), n, bytes(&entry)))
    };
    let start = Chunk::Start(Box::new(Start {
        turn: "u1".into(),
        epoch: None,
        reset: false,
        answer: None,
    }));
    assert_eq!(
        read(1, json!(["metadata", { "run_id": "u1", "attempt": 1 }])),
        [(Some(1), start)]
    );
    let chunk = json!([{ "type": "AIMessageChunk", "content": "x " }, { "run_id": "u1" }]);
    let text = Chunk::Delta {
        turn: "u1".into(),
        text: "x ".into(),
    };
    assert_eq!(read(3, json!(["messages", chunk])), [(Some(3), text)]);
    // Neither names its turn: it is that of the key.
    let error = Chunk::Error {
        turn: "u1".into(),
        message: "no".into(),
    };
    assert_eq!(read(5, json!(["error", { "message": "no" }])), [(Some(5), error)]);
    let end = Chunk::Finish {
        turn: "u1".into(),
        status: Some(Status::Failed),
    };
    assert_eq!(read(7, json!(["end", { "status": "error" }])), [(Some(7), end)]);
}

#[test]
fn a_plain_entry_is_a_frame_with_its_cursor_in_a_header() {
    let mut plain = plain();
    assert_eq!(plain.header(), Some("Frame-Id"));
    let entry = Entry {
        header: Some("2-3"),
        ..bytes(r#"{"type":"text-delta","turnId":"u1","delta":"x "}"#)
    };
    let messages = plain.read(&thread(), 7, entry);
    let cursor = Cursor {
        epoch: Some(Epoch(2)),
        seq: 3,
    };
    let expected = LogMessage {
        log: thread(),
        seq: 7,
        cursor: messages[0].cursor,
        chunk: Chunk::Delta {
            turn: "u1".into(),
            text: "x ".into(),
        },
    };
    assert_eq!(messages, [expected]);
    // The reference pod's ids have a mark behind their number, and this one has none.
    assert_eq!(messages[0].cursor, None);
    let marked = Entry {
        header: Some("2-3-0123abcd"),
        ..entry
    };
    assert_eq!(plain.read(&thread(), 8, marked)[0].cursor, Some(cursor));
}

#[test]
fn fields_of_a_store_s_own_stream_are_an_entry() {
    let System { stream, statuses, .. } = reference();
    let mut log = StreamLog {
        part: "redis".to_owned(),
        stream: None,
        subject: None,
        key: None,
        kind: None,
        data: Some(Pointer::parse("/chunk").expect("a pointer")),
        cursor: Some(LogCursor::Header("id".to_owned())),
    };
    let rules = FrameRules { stream, statuses };
    let frame = r#"{"type":"finish","turnId":"u1","status":"completed"}"#;
    let fields = json!({ "chunk": frame, "by": "pod-1" });
    let entry = Entry {
        body: Body::Fields(&fields),
        header: Some("2-3-0"),
    };
    let end = Chunk::Finish {
        turn: "u1".into(),
        status: Some(Status::Completed),
    };
    let mut wrapped = entries(&log, rules.clone());
    assert_eq!(said(wrapped.read(&thread(), 1, entry)), [(Some(3), end.clone())]);
    // Without a pointer the fields are the frame.
    log.data = None;
    let fields = json!({ "type": "finish", "turnId": "u1", "status": "completed" });
    let entry = Entry {
        body: Body::Fields(&fields),
        ..entry
    };
    assert_eq!(said(entries(&log, rules).read(&thread(), 1, entry)), [(Some(3), end)]);
}

#[test]
fn garbage_is_unreadable_and_what_follows_is_read() {
    let mut graph = graph();
    for (entry, expected) in [
        ("{", "not JSON: "),
        ("7", "no kind at /payload/0"),
        (r#"{"payload":["end"]}"#, "no data at /payload/1"),
    ] {
        let messages = graph.read(&run(), 1, bytes(entry));
        assert!(why(&messages).starts_with(expected), "{entry}: {messages:?}");
    }
    let no_text = Entry {
        body: Body::Bytes(&[b'"', 0xff]),
        header: None,
    };
    assert_eq!(why(&graph.read(&run(), 1, no_text)), "not UTF-8 at byte 1");
    assert_eq!(why(&plain().read(&thread(), 1, no_text)), "not UTF-8 at byte 1");
    let long = Entry {
        body: Body::TooLong(5_000_000),
        header: None,
    };
    assert_eq!(why(&graph.read(&run(), 1, long)), "an entry of 5000000 bytes");
    let without_cursor = bytes(r#"{"payload":["end",{"status":"success"}]}"#);
    let end = Chunk::Finish {
        turn: "u1".into(),
        status: Some(Status::Completed),
    };
    assert_eq!(said(graph.read(&run(), 2, without_cursor)), [(None, end)]);
}

#[test]
fn each_log_has_its_own_turn() {
    let mut graph = graph();
    let other = one("graph:run:cache:{turn}", "graph:run:cache:u2");
    let end = r#"{"payload":["end",{"status":"success"}]}"#;
    for log in [run(), other, run()] {
        let messages = graph.read(&log, 1, bytes(end));
        assert_eq!(messages[0].chunk.turn(), log.turn.as_ref());
        assert_eq!(messages[0].log, log);
    }
}
