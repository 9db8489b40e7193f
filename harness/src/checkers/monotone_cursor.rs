//! Promise 7: event ids only go forward, and one id is one event on every pod.

use std::collections::HashMap;

use super::Promise;
use super::view::{Breach, Frame, View, Watcher};
use crate::history::{Capability, Chunk, Cursor};

pub(crate) const PROMISE: Promise = Promise {
    number: 7,
    name: "MonotoneCursor",
    statement: "every frame of an answer has an id; a watcher's ids strictly increase within an epoch and epochs never go \
                back, but after a resync; one id of a thread is the same event on every pod",
    needs: &[Capability::Cursor],
    judge,
};

/// What each id of a thread was first seen to be, and where.
type Meanings<'a> = HashMap<(usize, Cursor), (u64, &'a Chunk)>;

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut meanings = Meanings::new();
    view.watchers.iter().filter_map(|watcher| check(watcher, &mut meanings)).collect()
}

fn check<'a>(watcher: &Watcher<'a>, meanings: &mut Meanings<'a>) -> Option<Breach> {
    let mut last: Option<Cursor> = None;
    let mut first_breach = None;
    for frame in watcher.frames() {
        if matches!(frame.chunk, Chunk::Resync { .. }) {
            last = None;
        }
        if !is_content(frame.chunk) {
            continue;
        }
        // Goes on after a breach, for what this watcher's ids mean on others.
        let breach = step(watcher, frame, last, meanings);
        first_breach = first_breach.or(breach);
        last = frame.cursor.or(last);
    }
    first_breach
}

fn step<'a>(watcher: &Watcher<'a>, frame: Frame<'a>, last: Option<Cursor>, meanings: &mut Meanings<'a>) -> Option<Breach> {
    let breach = |expected: String, got: String| {
        Some(Breach { subject: watcher.label(), thread: Some(watcher.thread), n: frame.at.n, expected, got })
    };
    let Some(cursor) = frame.cursor else {
        let got = frame.id.map_or("none".to_owned(), |id| format!("`{id}`"));
        return breach(format!("an id that can be resumed from, with {}", name(frame.chunk)), got);
    };
    if let Some(last) = last.filter(|last| *last >= cursor) {
        return breach(format!("an id after {}", tell(last)), tell(cursor));
    }
    let (n, meaning) = *meanings.entry((watcher.thread, cursor)).or_insert((frame.at.n, frame.chunk));
    if meaning == frame.chunk {
        return None;
    }
    breach(
        format!("{} under id {}, as at event {n}", name(meaning), tell(cursor)),
        format!("another {}", name(frame.chunk)),
    )
}

fn is_content(chunk: &Chunk) -> bool {
    matches!(chunk, Chunk::Start { .. } | Chunk::Delta { .. } | Chunk::Error { .. } | Chunk::Finish { .. })
}

fn tell(cursor: Cursor) -> String {
    format!("{}-{}", cursor.epoch, cursor.seq)
}

fn name(chunk: &Chunk) -> String {
    match chunk {
        Chunk::Start { turn, .. } => format!("start of turn {turn}"),
        Chunk::Delta { turn, text } => format!("text `{}` of turn {turn}", super::view::oneline(text.trim_end())),
        Chunk::Error { turn, .. } => format!("error of turn {turn}"),
        Chunk::Finish { turn, .. } => format!("finish of turn {turn}"),
        _ => "frame".into(),
    }
}
