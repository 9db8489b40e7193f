//! The feed against a store for tests.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::history::{Chunk, TurnKey};
use crate::roles::redis::fake::{Fake, Value as Held};
use crate::system::language::{Pattern, Pointer};
use crate::system::load::reference::reference;
use crate::system::reading::FrameRules;
use crate::system::stream::{LogCursor, StreamLog};

const KEY: &str = "run:cache:{turn}";

/// A feed of the logs under a pattern, which reads the entries as they are.
async fn feed(store: &Fake, pattern: &str, cursor: &str) -> LogFeed {
    let pattern = Pattern::parse(pattern).expect("a pattern");
    let log = StreamLog {
        part: "cache".to_owned(),
        stream: None,
        subject: None,
        key: Some(pattern.clone()),
        kind: None,
        data: None,
        cursor: Some(match cursor.strip_prefix("header:") {
            Some(name) => LogCursor::Header(name.to_owned()),
            None => LogCursor::At(Pointer::parse(cursor).expect("a pointer")),
        }),
    };
    let (stream, statuses) = (reference().stream, reference().statuses);
    let entries = Entries::new(&log, FrameRules { stream, statuses }, Arc::new(|_: &TurnKey| None));
    let mut feed = LogFeed::new(LogNames::new(pattern), entries);
    feed.moved(&store.serve().await);
    feed
}

/// A frame of text, as an entry.
fn delta(turn: &str, n: u64) -> String {
    json!({ "type": "text-delta", "turnId": turn, "delta": format!("{n} "), "at": format!("1-{n}-x") }).to_string()
}

fn push(store: &Fake, turn: &str, numbers: std::ops::RangeInclusive<u64>) {
    for n in numbers {
        store.push(&format!("run:cache:{turn}"), &[&delta(turn, n)]);
    }
}

/// Each message as its turn, its place, its cursor's number and its text.
fn told(messages: Vec<LogMessage>) -> Vec<(String, u64, Option<u64>, String)> {
    let one = |message: LogMessage| {
        let text = match message.chunk {
            Chunk::Delta { text, .. } => text,
            Chunk::Unreadable { why, .. } => why,
            other => panic!("{other:?}"),
        };
        let turn = message.log.turn.map_or_else(String::new, |turn| turn.to_string());
        (turn, message.seq, message.cursor.map(|cursor| cursor.seq), text)
    };
    messages.into_iter().map(one).collect()
}

fn line(turn: &str, seq: u64, n: u64) -> (String, u64, Option<u64>, String) {
    (turn.to_owned(), seq, Some(n), format!("{n} "))
}

async fn drained(feed: &mut LogFeed) -> Vec<(String, u64, Option<u64>, String)> {
    told(feed.drain().await.expect("a store that answers"))
}

#[tokio::test]
async fn lists_are_read_as_they_grow_and_other_keys_are_left_alone() {
    let store = Fake::default();
    store.push("run:other", &["x"]);
    store.set("run:cache:", Held::List(vec![b"x".to_vec()]));
    store.set("run:cache:lock", Held::Hash);
    let mut feed = feed(&store, KEY, "/at").await;
    assert_eq!(drained(&mut feed).await, []);
    push(&store, "u1", 1..=2);
    assert_eq!(drained(&mut feed).await, [line("u1", 1, 1), line("u1", 2, 2)]);
    push(&store, "u2", 1..=1);
    push(&store, "u1", 3..=3);
    assert_eq!(drained(&mut feed).await, [line("u1", 3, 3), line("u2", 4, 1)]);
    assert_eq!(drained(&mut feed).await, []);
    let foreign = |command: &String| !command.starts_with("SCAN") && !command.contains("run:cache:u");
    let foreign: Vec<String> = store.commands().into_iter().filter(foreign).collect();
    assert_eq!(foreign, ["TYPE run:cache:", "TYPE run:cache:lock"], "each once");
}

#[tokio::test]
async fn a_long_list_is_asked_for_in_pages() {
    let store = Fake::default();
    push(&store, "u1", 1..=2500);
    let mut feed = feed(&store, KEY, "/at").await;
    let read = drained(&mut feed).await;
    assert_eq!((read.len(), read.last()), (2500, Some(&line("u1", 2500, 2500))));
    let asked: Vec<String> = store
        .commands()
        .into_iter()
        .filter(|c| c.starts_with("LRANGE"))
        .collect();
    let expected = [(0, 999), (999, 1999), (1999, 2999)];
    assert_eq!(
        asked,
        expected.map(|(first, last)| format!("LRANGE run:cache:u1 {first} {last}"))
    );
}

#[tokio::test]
async fn a_page_that_is_too_large_is_asked_for_in_smaller_ones() {
    let store = Fake::default();
    let mut feed = feed(&store, KEY, "/at").await;
    feed.limits = Limits {
        text_bytes: 1000,
        reply_bytes: 20_000,
    };
    let large = "x".repeat(800);
    store.push("run:cache:u1", &[large.as_str(); 90]);
    let error = feed.drain().await.expect_err("72 kB at once").to_string();
    assert!(error.ends_with("LRANGE: an answer of over 20000 bytes"), "{error}");
    assert_eq!(drained(&mut feed).await.len(), 90);
    store.push("run:cache:u1", &["y"]);
    store.commands();
    assert_eq!(drained(&mut feed).await.len(), 1);
    let asked = store.commands().pop().expect("a question");
    assert_eq!(asked, "LRANGE run:cache:u1 89 1089", "as many as before");
}

#[tokio::test]
async fn a_list_that_is_trimmed_at_its_beginning_loses_nothing() {
    for is_old in [false, true] {
        let store = Fake::default();
        let mut feed = feed(&store, KEY, "/at").await;
        push(&store, "u1", 1..=3);
        assert_eq!(drained(&mut feed).await.len(), 3);
        push(&store, "u1", 4..=5);
        store.trim("run:cache:u1", 3);
        if is_old {
            // Nobody can say where the third is now: everything is told again, behind a gap.
            store.is_too_old_for("LPOS");
            let again = [line("u1", 5, 3), line("u1", 6, 4), line("u1", 7, 5)];
            assert_eq!(drained(&mut feed).await, again);
        } else {
            assert_eq!(drained(&mut feed).await, [line("u1", 4, 4), line("u1", 5, 5)]);
        }
        assert_eq!(drained(&mut feed).await, []);
    }
}

#[tokio::test]
async fn a_list_that_was_lost_leaves_a_place_out() {
    let store = Fake::default();
    let mut feed = feed(&store, KEY, "/at").await;
    push(&store, "u1", 1..=3);
    assert_eq!(drained(&mut feed).await.len(), 3);
    store.remove("run:cache:u1");
    assert_eq!(drained(&mut feed).await, []);
    push(&store, "u1", 6..=7);
    assert_eq!(drained(&mut feed).await, [line("u1", 5, 6), line("u1", 6, 7)]);
    // Trimmed so far that what was read last is gone.
    push(&store, "u1", 8..=12);
    store.trim("run:cache:u1", 2);
    assert_eq!(drained(&mut feed).await, [line("u1", 8, 11), line("u1", 9, 12)]);
    // Something else under the same key, and then a list again.
    store.set("run:cache:u1", Held::Hash);
    assert_eq!(drained(&mut feed).await, []);
    assert_eq!(drained(&mut feed).await, []);
}

#[tokio::test]
async fn streams_are_read_with_their_ids() {
    let store = Fake::default();
    let mut feed = feed(&store, "tail:{thread}", "header:id").await;
    let add = |ms: u64, n: u64| {
        let fields = ["type", "text-delta", "turnId", "u1", "delta", "x "];
        store.add("tail:t-1", &format!("{ms}-{n}"), &fields);
    };
    // The reference pod's ids have a mark behind their number, and those of a store have none.
    add(5, 1);
    let messages = feed.drain().await.expect("a store that answers");
    assert_eq!(messages.len(), 1);
    assert_eq!(
        messages[0].log.thread.as_ref().map(crate::history::ThreadId::as_str),
        Some("t-1")
    );
    assert_eq!(messages[0].chunk.turn().map(crate::history::TurnId::as_str), Some("u1"));
    add(5, 2);
    add(6, 0);
    let seqs = |messages: Vec<LogMessage>| messages.into_iter().map(|message| message.seq).collect::<Vec<_>>();
    assert_eq!(seqs(feed.drain().await.expect("read")), [2, 3]);
    assert!(seqs(feed.drain().await.expect("read")).is_empty());
    add(7, 0);
    add(8, 0);
    store.trim("tail:t-1", 1);
    assert_eq!(seqs(feed.drain().await.expect("read")), [5], "one may be lost");
    store.remove("tail:t-1");
    assert!(seqs(feed.drain().await.expect("read")).is_empty());
    add(1, 0);
    assert_eq!(seqs(feed.drain().await.expect("read")), [7], "it was made again");
}

#[tokio::test]
async fn garbage_is_told_and_read_past() {
    let store = Fake::default();
    let mut feed = feed(&store, KEY, "/at").await;
    store.push("run:cache:u1", &["{", &delta("u1", 1)]);
    let read = drained(&mut feed).await;
    assert!(read[0].3.starts_with("not JSON: "), "{read:?}");
    assert_eq!(read[1..], [line("u1", 2, 1)]);
}

#[tokio::test]
async fn what_was_there_before_a_play_is_passed_over() {
    let store = Fake::default();
    push(&store, "u1", 1..=2);
    push(&store, "u2", 1..=2);
    push(&store, "u3", 1..=2);
    let mut by_turn = feed(&store, KEY, "/at").await;
    by_turn.skip().await;
    push(&store, "u1", 3..=3);
    push(&store, "u4", 1..=1);
    assert_eq!(drained(&mut by_turn).await, [line("u4", 1, 1)]);
    // One log of all turns is read on.
    store.push("all", &[&delta("u1", 1), &delta("u1", 2)]);
    let mut of_all = feed(&store, "all", "/at").await;
    of_all.skip().await;
    assert_eq!(drained(&mut of_all).await, []);
    store.push("all", &[&delta("u2", 3)]);
    assert_eq!(drained(&mut of_all).await, [line("", 1, 3)]);
}

#[tokio::test]
async fn a_store_that_is_away_is_an_error_and_read_on_later() {
    let store = Fake::default();
    let mut feed = feed(&store, KEY, "/at").await;
    push(&store, "u1", 1..=1);
    let home = feed.url.clone();
    let nowhere = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        format!("redis://{}", listener.local_addr().expect("its address"))
    };
    feed.moved(&nowhere);
    let error = feed.drain().await.expect_err("nobody is there").to_string();
    assert!(error.contains(": connect: "), "{error}");
    feed.skip().await;
    feed.moved(&home);
    assert_eq!(drained(&mut feed).await, [line("u1", 1, 1)]);
}

#[tokio::test]
async fn a_log_is_dumped_in_its_order() {
    let store = Fake::default();
    let mut feed = feed(&store, KEY, "/at").await;
    store.push("run:cache:u1", &[r#"{"a":1}"#, "no json"]);
    let twenty: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    store.push("run:cache:u2", &twenty.iter().map(String::as_str).collect::<Vec<_>>());
    store.add("run:cache:u3", "5-0", &["a", "1"]);
    let names = LogNames::new(Pattern::parse(KEY).expect("a pattern"));
    let mut dumped = Vec::new();
    for turn in ["u1", "u2", "u3", "u4"] {
        let log = names.read(&format!("run:cache:{turn}")).expect("a log");
        dumped.push(feed.dump(&log).await.expect("a dump"));
    }
    assert_eq!(
        dumped[0],
        "{\"payload\":{\"a\":1},\"sequence\":0}\n{\"payload\":\"no json\",\"sequence\":1}\n"
    );
    assert_eq!(dumped[1].lines().last(), Some("{\"payload\":19,\"sequence\":19}"));
    assert_eq!(dumped[1].lines().count(), 20);
    assert_eq!(dumped[2], "{\"payload\":{\"a\":\"1\"},\"sequence\":\"5-0\"}\n");
    assert_eq!(dumped[3], "");
}
