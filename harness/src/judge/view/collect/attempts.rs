//! Reference texts: the longest text of each attempt, and how each showing lies against it.
//!
//! Of any two texts of one attempt one must be a prefix of the other. That holds for all of them if each is a
//! prefix of the longest, so one comparison a text is enough, and the work stays linear.

use std::collections::BTreeMap;

use crate::history::Epoch;
use crate::judge::view::View;
use crate::judge::view::entities::turn::{PartRow, Turn};
use crate::judge::view::entities::watcher::{Anchor, Watcher};
use crate::judge::view::text::Text;

pub(in crate::judge::view) fn settle(view: &mut View<'_>) {
    for turn in &mut view.turns {
        turn.references = turn
            .parts
            .iter()
            .map(|(epoch, parts)| (*epoch, joined(parts)))
            .collect();
        if turn.is_completed() {
            let durable = turn.durable.clone();
            turn.references.insert(turn.epoch(), durable);
        }
    }
    for watcher in &view.watchers {
        lengthen(&mut view.turns, watcher);
    }
    // A piece may be shown to those alone who resumed, where its owner ends before it is stored.
    for watcher in &view.watchers {
        lengthen_at_the_end(&mut view.turns, watcher);
    }
    for watcher in &mut view.watchers {
        for (place, seen) in &mut watcher.turns {
            let turn = &view.turns[*place];
            for showing in &mut seen.showings {
                let reference = turn.references.get(&showing.epoch.unwrap_or_else(|| turn.epoch()));
                showing.fit = reference.map_or(showing.fit, |whole| showing.fit_in(whole));
            }
        }
    }
}

/// Takes a watcher's text as the attempt's reference if it is longer. Never for the attempt that completed, whose
/// reference is the durable text.
fn lengthen<'a>(turns: &mut [Turn<'a>], watcher: &Watcher<'a>) {
    for (place, seen) in &watcher.turns {
        let turn = &mut turns[*place];
        let settled = turn.is_completed().then(|| turn.epoch());
        for showing in &seen.showings {
            let Some(epoch) = showing.epoch else { continue };
            if showing.anchor != Anchor::Start || showing.mixed.is_some() || settled == Some(epoch) {
                continue;
            }
            let reference = turn.references.entry(epoch).or_default();
            if showing.text.len() > reference.len() {
                *reference = showing.text.clone();
            }
        }
    }
}

/// As [`lengthen`], for a text that a watcher was shown behind a cursor, if the place of that cursor is known.
fn lengthen_at_the_end<'a>(turns: &mut [Turn<'a>], watcher: &Watcher<'a>) {
    for (place, seen) in &watcher.turns {
        let turn = &mut turns[*place];
        let settled = turn.is_completed().then(|| turn.epoch());
        for showing in &seen.showings {
            let (Some(epoch), Anchor::Resumed(Some(from))) = (showing.epoch, showing.anchor) else {
                continue;
            };
            if let Some(reference) = turn.references.get_mut(&epoch)
                && showing.mixed.is_none()
                && settled != Some(epoch)
            {
                reference.lengthen(&showing.text, from);
            }
        }
    }
}

/// The parts of one attempt as one text, in the order of their positions; parts that claim the same one stay side by
/// side, so that a repetition shows.
pub(in crate::judge::view) fn joined<'a>(parts: &[PartRow<'a>]) -> Text<'a> {
    let mut text = Text::default();
    let mut parts: Vec<&PartRow<'a>> = parts.iter().collect();
    parts.sort_by_key(|part| part.seq);
    for part in parts {
        text.push(part.n, part.text);
    }
    text.shrink();
    text
}

/// The parts of the newest attempt that are still there. `gone` holds the last removal of each part that was removed.
pub(in crate::judge::view) fn durable<'a>(
    turn: &Turn<'a>,
    place: usize,
    gone: &BTreeMap<(usize, Epoch, u64), u64>,
) -> Text<'a> {
    let epoch = turn.epoch();
    let Some(parts) = turn.parts.get(&epoch) else {
        return Text::default();
    };
    let there = |part: &&PartRow<'_>| {
        gone.get(&(place, epoch, part.seq))
            .is_none_or(|removed| *removed < part.n)
    };
    joined(&parts.iter().filter(there).copied().collect::<Vec<_>>())
}
