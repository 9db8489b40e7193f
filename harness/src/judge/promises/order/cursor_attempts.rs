//! Cursors and attempts, a part of promise 8: a cursor is good for the attempt for which it was given.
//!
//! A client that comes back with the last cursor of a dead attempt still shows the text of that attempt. A tail that goes on in the
//! middle of another attempt joins the two on the client's screen, however well its ids follow each other. Tokens name their provider
//! call, so the calls tell attempts apart, whatever the system calls them.
//!
//! Deliberately absent: cursors that clients were given for both attempts, for nobody knows which of the clients came back; tails
//! that begin with a start, be it one without a reset, which tells a client what to do; and streams that join two attempts under the
//! eyes of a client that stayed. The last are `NoSplice`'s: a tail that goes on as they do is a slice of the log.

use std::collections::BTreeSet;

use crate::history::{Chunk, TurnId};
use crate::judge::view::{Anchor, Breach, Frame, Logged, Showing, Text, View, Watcher};

/// The provider call of the text that a client shows of a turn. `None` if the client shows no token.
type Held = Option<u32>;

/// The breach of a tail that goes on, with nothing said, with another attempt than the one for which its cursor was given.
pub(super) fn spliced(view: &View<'_>, watcher: &Watcher<'_>) -> Option<Breach> {
    let cursor = watcher.cursor.filter(|_| watcher.resumes.is_some())?;
    watcher.turns.iter().find_map(|(place, seen)| {
        let turn = &view.turns[*place];
        let showing = seen.showings.first().filter(|first| is_resumed(first))?;
        // One call cannot be spliced.
        let shown = showing.text.first_call().filter(|_| turn.calls.len() != 1)?;
        let held: Option<Vec<u32>> = held_with(view, watcher, turn.id).into_iter().collect();
        let held = held.filter(|held| !held.contains(&shown))?;
        let had = *held.first()?;
        if held.iter().any(|had| is_joined(view, *place, (*had, shown))) {
            return None;
        }
        Some(Breach {
            subject: watcher.label(),
            thread: Some(watcher.thread),
            n: showing.begun.n,
            expected: format!("more of call {had}, a reset or a resync, for `{cursor}` was given for call {had}"),
            got: format!("{}, of call {shown}", showing.text.word_at(0)),
        })
    })
}

/// True if `start`, the first frame of a tail, may make its client start over: another attempt begins than the one for which the tail's
/// cursor was given, or the log may have been lost.
pub(super) fn may_start_over(view: &View<'_>, watcher: &Watcher<'_>, start: Frame<'_>) -> bool {
    let Some(turn) = start.chunk.turn() else { return false };
    let Some(begun) = showing_at(view, watcher, start).and_then(|showing| showing.text.first_call()) else {
        return true;
    };
    let mut held = held_with(view, watcher, turn).into_iter().flatten();
    held.any(|call| call != begun) || view.may_have_lost_the_log_of(Some(turn), start.at.us)
}

/// True if `there` was seen before any text of the attempt that `frame` is part of, on a tail whose ids begin anew with each attempt. A
/// frame whose id both attempts have is the older one's.
pub(super) fn is_older(view: &View<'_>, watcher: &Watcher<'_>, there: &Logged<'_>, frame: Frame<'_>) -> bool {
    let attempt = showing_at(view, watcher, frame).and_then(|showing| showing.epoch);
    let turn = frame.chunk.turn().and_then(|turn| view.turn(turn));
    let first = turn
        .zip(attempt)
        .and_then(|(turn, attempt)| view.turns[turn].first_text.get(&attempt));
    there.turn() == frame.chunk.turn() && first.is_some_and(|first| there.first < *first)
}

fn is_resumed(showing: &Showing<'_>) -> bool {
    matches!(showing.anchor, Anchor::Resumed(_))
}

/// The text that the watcher's client showed of the turn of `frame` at that frame.
fn showing_at<'v, 'a>(view: &View<'a>, watcher: &'v Watcher<'a>, frame: Frame<'_>) -> Option<&'v Showing<'a>> {
    let seen = watcher.turns.get(&view.turn(frame.chunk.turn()?)?)?;
    let mut begun = seen.showings.iter().rev();
    begun.find(|showing| showing.begun.n <= frame.at.n)
}

/// The calls of which clients showed text, each while the watcher's cursor was the last id that it had been given. Only what came before
/// the watcher asked counts.
fn held_with(view: &View<'_>, watcher: &Watcher<'_>, turn: &TurnId) -> BTreeSet<Held> {
    let others = view.watchers.iter().filter(|other| other.scope() == watcher.scope());
    let mut held = BTreeSet::new();
    for other in others.filter(|other| other.opened.us < watcher.asked_us) {
        note_held(other, watcher, turn, &mut held);
    }
    held
}

fn note_held(other: &Watcher<'_>, watcher: &Watcher<'_>, turn: &TurnId, held: &mut BTreeSet<Held>) {
    let mut text = Text::default();
    let mut has_cursor = false;
    for frame in other.frames().take_while(|frame| frame.at.us < watcher.asked_us) {
        match frame.chunk {
            Chunk::Resync { .. } => text = Text::default(),
            Chunk::Start(start) if start.reset && start.turn == *turn => text = Text::default(),
            Chunk::Delta { turn: of, text: more } if of == turn => text.push(frame.at.n, more),
            Chunk::Whole { turn: of, text: whole } if of == turn => text = Text::of(frame.at.n, whole),
            _ => {}
        }
        has_cursor = frame.id.map_or(has_cursor, |id| watcher.cursor == Some(id));
        if has_cursor {
            held.insert(text.call_runs().last().map(|run| run.call));
        }
    }
}

/// True if a client that stayed was shown text of the first call and, right behind it and with no reset, of the second.
fn is_joined(view: &View<'_>, turn: usize, (first, second): (u32, u32)) -> bool {
    let seen = view.watchers.iter().filter_map(|watcher| watcher.turns.get(&turn));
    let mut showings = seen.flat_map(|seen| &seen.showings);
    showings.any(|showing| {
        let runs = showing.text.call_runs();
        runs.windows(2)
            .any(|pair| (pair[0].call, pair[1].call) == (first, second))
    })
}
