//! Puts the log of each thread together.

use std::collections::BTreeMap;

use crate::history::{Chunk, Event, StoreEvent, TurnId, What};
use crate::judge::view::View;
use crate::judge::view::at::At;
use crate::judge::view::entities::log::{Log, Logged, Stored};
use crate::judge::view::entities::watcher::{Frame, Scope, Watcher};

/// Gathers the logs of everything that tails show: of threads, or of single turns.
pub(in crate::judge::view) fn gather<'a>(view: &mut View<'a>) {
    let mut scopes: BTreeMap<Scope, Sources<'_, 'a>> = BTreeMap::new();
    for watcher in &view.watchers {
        scopes.entry(watcher.scope()).or_default().watchers.push(watcher);
    }
    let stored = std::mem::take(&mut view.stored);
    let of_turns = shows_turns(view);
    for entry in &stored {
        if let Some((scope, _)) = scope(view, entry, of_turns) {
            scopes.entry(scope).or_default().stored.push(entry);
        }
    }
    // One log after the other: what all tails hold together is several times what comes of it.
    let logs = scopes.into_iter().map(|(scope, sources)| (scope, sources.log()));
    view.logs = logs.collect();
}

/// True if tails show single turns.
pub(super) fn shows_turns(view: &View<'_>) -> bool {
    view.watchers.iter().any(|watcher| watcher.turn.is_some())
}

/// The stream that an entry of the stream log belongs to, as tails show it, and its thread. Returns `None` if it is of no turn of the play.
pub(super) fn scope(view: &View<'_>, entry: &Stored<'_>, of_turns: bool) -> Option<(Scope, usize)> {
    let turn = entry.turn.or_else(|| view.turn(turn_of(entry.event)?));
    let thread = entry.thread.or_else(|| view.turns[turn?].thread)?;
    let of_turn = turn.filter(|_| of_turns).map(Scope::Turn);
    Some((of_turn.unwrap_or(Scope::Thread(thread)), thread))
}

/// The turn whose log holds an entry, else the one that the entry is part of.
fn turn_of(event: &Event) -> Option<&TurnId> {
    let What::Store(StoreEvent::Logged { turn, chunk, .. }) = &event.what else {
        return None;
    };
    turn.as_deref().or(chunk.turn())
}

/// Everything that a log is gathered from.
#[derive(Default)]
struct Sources<'v, 'a> {
    watchers: Vec<&'v Watcher<'a>>,
    stored: Vec<&'v Stored<'a>>,
}

impl<'a> Sources<'_, 'a> {
    fn log(self) -> Log<'a> {
        let own = self.stored.into_iter().filter_map(in_the_log);
        let mut frames: Vec<Logged<'a>> = self.watchers.into_iter().flat_map(content).chain(own).collect();
        frames.sort_unstable_by_key(|there| (there.cursor, there.first.n));
        frames.dedup_by(|later, first| {
            let is_same = later.cursor == first.cursor;
            first.stretch = first.stretch.or(later.stretch.filter(|_| is_same));
            first.ends |= later.ends && is_same;
            is_same
        });
        frames.shrink_to_fit();
        let is_told = frames.iter().any(|there| there.stretch.is_some());
        Log { frames, is_told }
    }
}

/// A frame as the stream log holds it; none for what is no part of an answer.
fn in_the_log<'a>(entry: &Stored<'a>) -> Option<Logged<'a>> {
    let (cursor, chunk) = entry.shown()?;
    chunk.turn()?;
    Some(Logged {
        cursor,
        first: At::of(entry.event),
        chunk,
        ends: matches!(chunk, Chunk::Finish { .. }),
        stretch: Some(entry.stretch),
    })
}

/// A tail's frames with a cursor. What one event of the stream says is one of them.
fn content<'a>(watcher: &Watcher<'a>) -> Vec<Logged<'a>> {
    let mut frames: Vec<Logged<'a>> = Vec::new();
    let mut before: Option<Frame<'a>> = None;
    for frame in watcher.frames().filter(Frame::is_content) {
        let ends = matches!(frame.chunk, Chunk::Finish { .. });
        let goes_on = before.replace(frame).is_some_and(|before| frame.goes_with(&before));
        match (frame.cursor, frames.last_mut()) {
            (Some(_), Some(last)) if goes_on => last.ends |= ends,
            (Some(cursor), _) => frames.push(Logged {
                cursor,
                first: frame.at,
                chunk: frame.chunk,
                ends,
                stretch: None,
            }),
            (None, _) => {}
        }
    }
    frames
}
