//! What each fuzz target holds of any input. Plain functions: `harness/tests/fuzz_corpora.rs` calls them too, on every input
//! of the corpora and on pieces of them, so that each run of the tests tries what the fuzzer has found.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use crosspod::history::reader::{self, History};
use crosspod::history::{Chunk, Event, RunEvent, WatcherEvent, What};
use crosspod::judge;
use crosspod::system::load::reference::reference;
use crosspod::system::reading::{FrameRules, Reader};
use crosspod::verdict::Verdict;
use crosspod::workload::{Frame, Intake, Limits};
use crosspod_sse::{Decoder, SseEvent};
use eventsource_stream::Eventsource as _;
use futures_util::{FutureExt as _, StreamExt as _};
use mock_ai::token::{self, Answer, Piece};

/// So small that an input of a few hundred bytes reaches each.
const LIMITS: Limits = Limits {
    event_bytes: 256,
    tail_bytes: 2048,
    tail_events: 32,
};

/// Histories that the `history` target spoils: a pass and two failures.
const HISTORIES: [&[u8]; 3] = [
    include_bytes!("../../../fixtures/histories/synthetic-takeover-clean/history.jsonl"),
    include_bytes!("../../../fixtures/histories/synthetic-zombie-writes-on/history.jsonl"),
    include_bytes!("../../../fixtures/histories/claim-strict-cas/history.jsonl"),
];

/// A tail's bytes say the same however they are cut, within the limits, and the judge survives what they say.
///
/// The first two bytes are the lengths of pieces, in turn; the rest is the tail.
pub fn sse(input: &[u8]) {
    let [one, other, tail @ ..] = input else { return };
    let whole = taken([tail].into_iter());
    assert_eq!(
        taken(pieces(tail, *one, *other)),
        whole,
        "cut into pieces of {one} and {other}"
    );
    assert!(whole.frames.len() as u64 <= LIMITS.tail_events + 1);
    for frame in &whole.frames {
        let text = serde_json::to_string(&frame.chunk).expect("a frame can be written");
        // At its worst each byte is escaped as six.
        assert!(
            text.len() < 6 * LIMITS.event_bytes + 1024,
            "{} bytes of {text}",
            text.len()
        );
        let read: Chunk = serde_json::from_str(&text).expect("a frame can be read");
        assert_eq!(read, frame.chunk);
    }
    as_others_read(tail);
    judge::judge(&seen(&whole.frames));
}

/// What came of a tail.
#[derive(Debug, PartialEq)]
struct Taken {
    frames: Vec<Frame>,
    end: Result<(), String>,
    is_no_stream: Option<bool>,
}

/// A reader by the rules of the reference pod.
fn reader() -> Reader {
    static RULES: LazyLock<Arc<FrameRules>> = LazyLock::new(|| {
        let system = reference();
        Arc::new(FrameRules {
            stream: system.stream,
            statuses: system.statuses,
        })
    });
    Reader::new(RULES.clone(), None)
}

fn taken<'b>(mut pieces: impl Iterator<Item = &'b [u8]>) -> Taken {
    let (mut intake, mut frames) = (Intake::new(LIMITS, reader()), Vec::new());
    let end = pieces.try_for_each(|piece| intake.read(piece, &mut frames));
    assert!(intake.seen_bytes() <= LIMITS.tail_bytes);
    // Where a limit cuts the tail there is no rest to speak of.
    frames.extend(end.is_ok().then(|| intake.garbled_rest()).flatten());
    let is_no_stream = end.is_ok().then(|| intake.is_no_stream());
    Taken {
        frames,
        end,
        is_no_stream,
    }
}

fn pieces(mut bytes: &[u8], one: u8, other: u8) -> impl Iterator<Item = &[u8]> {
    let mut lengths = [one, other].into_iter().cycle();
    std::iter::from_fn(move || {
        // An empty piece now and then, but an end.
        let length = lengths.next().map_or(1, usize::from).min(bytes.len());
        let length = if one == 0 && other == 0 {
            1.min(bytes.len())
        } else {
            length
        };
        let (piece, rest) = bytes.split_at(length);
        let is_over = bytes.is_empty();
        bytes = rest;
        (!is_over).then_some(piece)
    })
}

/// Where a tail is text without a byte order mark, which that crate cannot bear, its events are those that
/// `eventsource-stream` finds.
fn as_others_read(tail: &[u8]) {
    let is_text = std::str::from_utf8(tail).is_ok_and(|text| !text.starts_with('\u{feff}'));
    if !is_text {
        return;
    }
    // It waits for what follows a last CR.
    let text = [tail, b":\n"].concat();
    let theirs = futures_util::stream::once(async { Ok::<_, ()>(&text) })
        .eventsource()
        .collect::<Vec<_>>();
    let theirs = theirs.now_or_never().expect("nothing to wait for");
    let mut ours: Vec<SseEvent> = Vec::new();
    Decoder::new(usize::MAX).take(&text, &mut ours).expect("no limit");
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.into_iter().zip(theirs) {
        let theirs = theirs.expect("events alone");
        assert_eq!(ours.data, theirs.data);
        assert_eq!(ours.name.as_deref().unwrap_or("message"), theirs.event);
        // Theirs repeats the last id on events that have none.
        assert!(ours.id.is_none_or(|id| id == theirs.id));
    }
}

/// A history in which a watcher saw these frames.
fn seen(frames: &[Frame]) -> History {
    static CLEAN: LazyLock<Vec<Event>> = LazyLock::new(|| {
        let history = reader::read_from(HISTORIES[0], Path::new("history"));
        history.expect("a saved history").events
    });
    let mut events = CLEAN.clone();
    let is_frame = |event: &Event| matches!(event.what, What::Watcher(WatcherEvent::Frame { .. }));
    let place = events.iter().position(is_frame).expect("a frame");
    let What::Watcher(WatcherEvent::Frame { watcher, .. }) = events[place].what else {
        return History { events, cut_off: None };
    };
    let frame = |frame: &Frame| {
        What::Watcher(WatcherEvent::Frame {
            watcher,
            id: frame.id.as_deref().map(Into::into),
            cursor: frame.cursor,
            chunk: frame.chunk.clone(),
        })
    };
    let at_us = events[place].at_us;
    let new = frames.iter().map(|f| Event {
        n: 0,
        at_us,
        what: frame(f),
    });
    events.splice(place..place, new.collect::<Vec<_>>());
    for (n, event) in (0..).zip(&mut events) {
        event.n = n;
    }
    History { events, cut_off: None }
}

/// Text is taken apart without loss, and a token is only what the provider could have written.
pub fn token(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut rest: &str = &text;
    for piece in token::scan(&text) {
        match piece {
            Piece::Other(other) => rest = rest.strip_prefix(other.as_str()).expect("what stands there"),
            Piece::Token(token) => {
                let (again, used) = token::parse(rest).expect("the token that was found");
                assert_eq!(again, token);
                let padding = rest[..used].strip_prefix(&token.to_string()).expect("as it is written");
                assert_eq!(padding.trim_start_matches('.'), " ");
                rest = &rest[used..];
            }
        }
    }
    assert_eq!(rest, "");
    answer_is_read_back(&text);
}

/// An answer with a key, a length and a size of the input's choice.
fn answer_is_read_back(text: &str) {
    let (key, rest) = text.split_once(' ').unwrap_or((text, ""));
    if !token::is_key(key) {
        return;
    }
    let number = |n: usize| rest.as_bytes().get(n).map_or(0, |byte| u32::from(*byte));
    let answer = Answer {
        size: number(2) as usize,
        ..Answer::new(key, number(0) << number(3).min(24), number(1) % 32)
    };
    let mut hash = 0;
    let text = answer.text();
    let pieces = token::scan(&text);
    assert_eq!(pieces.len(), answer.total as usize);
    for (index, piece) in (1..).zip(pieces) {
        hash = token::chain(hash, key, answer.call, index, answer.total);
        let (call, total) = (answer.call, answer.total);
        let expected = token::Token {
            key,
            call,
            index,
            total,
            hash,
        };
        assert_eq!(piece, Piece::Token(expected));
    }
}

/// Whatever a file holds, it is a history or it is refused; the judge survives it; and one that was cut off is no pass.
///
/// The first byte chooses: the rest is the file itself, or what is done to a real history.
pub fn history(input: &[u8]) {
    let [choice, rest @ ..] = input else { return };
    let file = match HISTORIES.get(usize::from(*choice)) {
        None => rest.to_vec(),
        Some(real) => spoilt(real, rest),
    };
    let Ok(history) = reader::read_from(file.as_slice(), Path::new("history")) else {
        return;
    };
    let judgement = judge::judge(&history);
    let is_whole = history
        .events
        .iter()
        .any(|event| event.what == What::Run(RunEvent::Ended));
    if history.cut_off.is_some() || !is_whole {
        assert_eq!(judgement.verdict, Verdict::Broken);
    }
    if history.cut_off.is_none() {
        let lines = history
            .events
            .iter()
            .map(|event| serde_json::to_string(event).expect("an event") + "\n");
        let again = reader::read_from(lines.collect::<String>().as_bytes(), Path::new("again"));
        assert_eq!(again.expect("it was read before"), history);
        let judged_again = judge::judge(&history);
        assert_eq!(judged_again, judgement, "judged twice");
    }
}

/// A file after edits of five bytes each: what is done, where (two bytes), how far, and with which byte.
fn spoilt(real: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut file = real.to_vec();
    for edit in edits.chunks_exact(5).take(16) {
        if file.is_empty() {
            break;
        }
        let at = usize::from(u16::from_le_bytes([edit[1], edit[2]])) % file.len();
        let end = (at + usize::from(edit[3])).min(file.len());
        match edit[0] % 6 {
            0 => file.truncate(at),
            1 => file[at] = edit[4],
            2 => file.insert(at, edit[4]),
            3 => drop(file.drain(at..end)),
            4 => {
                let piece = file[at..end].to_vec();
                file.splice(end..end, piece);
            }
            // A digit in place of a digit keeps a line well-formed.
            _ => {
                if let Some(digit) = file[at..].iter_mut().find(|byte| byte.is_ascii_digit()) {
                    *digit = b'0' + edit[4] % 10;
                }
            }
        }
    }
    file
}
