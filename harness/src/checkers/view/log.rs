//! A thread's log as all its watchers together show it: each frame once, in the order of its id.
//!
//! What no watcher was shown is not in it, so a frame that is missing from every tail cannot be missed here; the stored
//! text and the oracle are held against each tail by other promises.

use super::{At, View, Watcher};
use crate::history::{Chunk, Cursor, TurnId};

/// A frame of the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Logged<'a> {
    pub(crate) cursor: Cursor,
    /// When any watcher was first shown it.
    pub(crate) first: At,
    pub(crate) chunk: &'a Chunk,
}

impl<'a> Logged<'a> {
    /// The turn that it is of.
    pub(crate) fn turn(&self) -> Option<&'a TurnId> {
        turn_of(self.chunk)
    }
}

/// The log of one thread.
#[derive(Debug, Default)]
pub(crate) struct Log<'a>(Vec<Logged<'a>>);

impl<'a> Log<'a> {
    /// Its frames, in order.
    pub(crate) fn frames(&self) -> &[Logged<'a>] {
        &self.0
    }

    /// Place of a frame. `near` is a place that it is likely to be at.
    pub(crate) fn place(&self, cursor: Cursor, near: usize) -> Option<usize> {
        if self.0.get(near).is_some_and(|there| there.cursor == cursor) {
            return Some(near);
        }
        self.0.binary_search_by_key(&cursor, |there| there.cursor).ok()
    }
}

/// Gathers the logs of all threads.
pub(super) fn gather<'a>(view: &mut View<'a>) {
    let mut watchers: Vec<Vec<&Watcher<'a>>> = vec![Vec::new(); view.threads.len()];
    for watcher in &view.watchers {
        watchers[watcher.thread].push(watcher);
    }
    // One thread after the other: what all tails hold together is several times what comes of it.
    let log = |watchers: Vec<&Watcher<'a>>| {
        let mut frames: Vec<Logged<'a>> = watchers.into_iter().flat_map(content).collect();
        frames.sort_unstable_by_key(|there| (there.cursor, there.first.n));
        frames.dedup_by_key(|there| there.cursor);
        frames.shrink_to_fit();
        Log(frames)
    };
    view.logs = watchers.into_iter().map(log).collect();
}

fn content<'v, 'a>(watcher: &'v Watcher<'a>) -> impl Iterator<Item = Logged<'a>> + 'v {
    watcher
        .frames()
        .filter(|frame| is_content(frame.chunk))
        .filter_map(|frame| {
            Some(Logged {
                cursor: frame.cursor?,
                first: frame.at,
                chunk: frame.chunk,
            })
        })
}

/// Whether a frame is part of an answer, and thereby of the log.
pub(crate) fn is_content(chunk: &Chunk) -> bool {
    turn_of(chunk).is_some()
}

/// The turn whose answer a frame is part of.
pub(crate) fn turn_of(chunk: &Chunk) -> Option<&TurnId> {
    match chunk {
        Chunk::Start { turn, .. }
        | Chunk::Delta { turn, .. }
        | Chunk::Error { turn, .. }
        | Chunk::Finish { turn, .. } => Some(turn),
        _ => None,
    }
}

/// `4-17`.
pub(crate) fn tell(cursor: Cursor) -> String {
    format!("{}-{}", cursor.epoch, cursor.seq)
}

/// A frame in words.
pub(crate) fn name(chunk: &Chunk) -> String {
    match chunk {
        Chunk::Start { turn, .. } => format!("start of turn {turn}"),
        Chunk::Delta { turn, text } => format!("text `{}` of turn {turn}", super::oneline(text.trim_end())),
        Chunk::Error { turn, .. } => format!("error of turn {turn}"),
        Chunk::Finish { turn, .. } => format!("finish of turn {turn}"),
        _ => "frame".into(),
    }
}
