//! Logs: each frame of a thread once, by its cursor, as the stream log holds it and as all watchers together show
//! it.
//!
//! If the history does not have the stream log itself, a frame that is missing from every tail is missing here
//! too. Other promises compare each tail with the stored text and with the oracle.

use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::ops::Range;

use crate::history::{Chunk, Cursor, Event, StoreEvent, TurnId, What};
use crate::judge::view::at::At;
use crate::judge::view::text::oneline;

/// Most lines of a diff that are not context.
const SHOWN: usize = 6;
/// Lines of context on each side of a diff.
const CONTEXT: usize = 2;

/// A frame of the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Logged<'a> {
    pub(crate) cursor: Cursor,
    /// When it was first seen: shown to any watcher, or read from the stream log.
    pub(crate) first: At,
    pub(crate) chunk: &'a Chunk,
    /// True if it says that its turn is over, be it beside something else.
    pub(crate) ends: bool,
    /// The stretch of the stream log that it was found in, where it was.
    pub(in crate::judge::view) stretch: Option<NonZeroU32>,
}

/// An entry of the stream log.
#[derive(Debug)]
pub(in crate::judge::view) struct Stored<'a> {
    /// Place of its thread, if the log's name says that.
    pub(in crate::judge::view) thread: Option<usize>,
    /// Place of its turn, if it is part of an answer. A log that is a turn's own need not be of a turn of the play: its turn is
    /// looked up once every event is read.
    pub(in crate::judge::view) turn: Option<usize>,
    pub(in crate::judge::view) event: &'a Event,
    /// Entries of one stretch were found one right behind the other: between two of them there was never any other.
    pub(in crate::judge::view) stretch: NonZeroU32,
}

impl<'a> Stored<'a> {
    /// The id under which clients are shown the entry, and its content. There are as many entries as tokens, so both are left in the event.
    pub(in crate::judge::view) fn shown(&self) -> Option<(Cursor, &'a Chunk)> {
        match &self.event.what {
            What::Store(StoreEvent::Logged {
                cursor: Some(cursor),
                chunk,
                ..
            }) => Some((*cursor, chunk)),
            _ => None,
        }
    }
}

impl<'a> Logged<'a> {
    /// Its turn.
    pub(crate) fn turn(&self) -> Option<&'a TurnId> {
        self.chunk.turn()
    }
}

/// The log of one thread.
#[derive(Debug, Default)]
pub(crate) struct Log<'a> {
    pub(in crate::judge::view) frames: Vec<Logged<'a>>,
    /// True if anything of it was seen in the stream log.
    pub(in crate::judge::view) is_told: bool,
}

impl<'a> Log<'a> {
    /// Its frames, in order.
    pub(crate) fn frames(&self) -> &[Logged<'a>] {
        &self.frames
    }

    /// Place of a frame. `near` is a place that it is likely to be at.
    pub(crate) fn place(&self, cursor: Cursor, near: usize) -> Option<usize> {
        if self.frames.get(near).is_some_and(|there| there.cursor == cursor) {
            return Some(near);
        }
        self.frames.binary_search_by_key(&cursor, |there| there.cursor).ok()
    }

    /// True if the stream log certainly never held the frame at `place`: its neighbours there, of the same
    /// attempt, lay side by side. Elsewhere the frame may have been purged before it was read.
    pub(crate) fn surely_lacks(&self, place: usize) -> bool {
        let (before, rest) = self.frames.split_at(place);
        let [frame, behind @ ..] = rest else { return false };
        if !self.is_told || frame.stretch.is_some() {
            return false;
        }
        let is_beside = |there: &&Logged<'_>| there.cursor.epoch == frame.cursor.epoch;
        let before = before
            .iter()
            .rev()
            .take_while(is_beside)
            .find_map(|there| there.stretch);
        let behind = behind.iter().take_while(is_beside).find_map(|there| there.stretch);
        before.is_some() && before == behind
    }

    /// True if the stream log certainly never held anything between the frame at `place` and the one before
    /// it: they lay side by side.
    pub(crate) fn is_whole_before(&self, place: usize) -> bool {
        let stretch = |place: usize| self.frames.get(place).and_then(|there| there.stretch);
        let here = stretch(place);
        here.is_some() && place.checked_sub(1).and_then(stretch) == here
    }

    /// The log around some of its frames, one line a frame. Marked frames carry `mark`, and only the first of
    /// them are shown.
    pub(crate) fn diff(&self, title: &str, mark: char, marked: Range<usize>) -> String {
        let mut text = title.to_owned();
        let mut line = |mark: char, there: &Logged<'_>| {
            let _ = write!(text, "\n    {mark} {} {}", tell(there.cursor), name(there.chunk));
        };
        let around = &self.frames;
        let before = marked.start.saturating_sub(CONTEXT)..marked.start;
        let behind = marked.end..(marked.end + CONTEXT).min(around.len());
        around[before].iter().for_each(|there| line(' ', there));
        around[marked.clone()]
            .iter()
            .take(SHOWN)
            .for_each(|there| line(mark, there));
        around[behind].iter().for_each(|there| line(' ', there));
        let more = marked.len().saturating_sub(SHOWN);
        if more > 0 {
            let _ = write!(text, "\n    and {more} more that are marked so");
        }
        text
    }
}

/// `4-17`.
pub(crate) fn tell(cursor: Cursor) -> String {
    match cursor.epoch {
        Some(epoch) => format!("{epoch}-{}", cursor.seq),
        None => cursor.seq.to_string(),
    }
}

/// A frame in words.
pub(crate) fn name(chunk: &Chunk) -> String {
    match chunk {
        Chunk::Start(start) => format!("start of turn {}", start.turn),
        Chunk::Delta { turn, text } => {
            format!("text `{}` of turn {turn}", oneline(text.trim_end()))
        }
        Chunk::Whole { turn, .. } => format!("whole text of turn {turn}"),
        Chunk::Part { turn, part } => format!("{} of turn {turn}", oneline(part)),
        Chunk::Error { turn, .. } => format!("error of turn {turn}"),
        Chunk::Finish { turn, .. } => format!("finish of turn {turn}"),
        _ => "frame".into(),
    }
}
