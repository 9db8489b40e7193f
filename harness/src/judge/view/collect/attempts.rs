//! Reference texts: the longest text of each attempt, and how each showing lies against it.
//!
//! Of any two texts of one attempt one must be a prefix of the other. That holds for all of them if each is a
//! prefix of the longest, so one comparison a text is enough, and the work stays linear.

use std::collections::BTreeMap;

use crate::history::{Capability, Epoch, Event};
use crate::judge::view::View;
use crate::judge::view::at::At;
use crate::judge::view::entities::turn::{PartRow, Turn};
use crate::judge::view::entities::watcher::{Anchor, Watcher};
use crate::judge::view::text::Text;

pub(in crate::judge::view) fn settle(view: &mut View<'_>) {
    let has_epochs = view.can(Capability::Epoch);
    if !has_epochs {
        by_calls(view);
    }
    for turn in &mut view.turns {
        turn.attempt = if has_epochs {
            turn.epoch()
        } else {
            let stored = turn.durable.as_ref().and_then(Text::first_call);
            let newest = turn.calls.iter().map(|call| view.calls[*call].ordinal).max();
            Epoch(stored.or(newest).map_or(0, u64::from))
        };
        if has_epochs {
            let parts = turn.parts.iter().map(|(epoch, parts)| (*epoch, joined(parts)));
            turn.references = parts.collect();
        }
        if let Some(durable) = turn.durable.clone().filter(|_| turn.is_completed()) {
            turn.references.insert(turn.attempt, durable);
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
                let reference = turn.references.get(&showing.epoch.unwrap_or(turn.attempt));
                showing.fit = reference.map_or(showing.fit, |whole| showing.fit_in(whole));
            }
        }
    }
}

/// Names the attempt of each showing by the provider call in its tokens, where frames name none; and when the text of each call
/// was first seen.
fn by_calls(view: &mut View<'_>) {
    for watcher in &mut view.watchers {
        for (place, seen) in &mut watcher.turns {
            let turn = &mut view.turns[*place];
            let Some(expect) = turn.expect else { continue };
            for showing in &mut seen.showings {
                for run in showing
                    .text
                    .call_runs()
                    .iter()
                    .filter(|run| run.key == expect.key.as_str())
                {
                    let (at, call) = (at_of(&watcher.frames, run.n), Epoch(run.call.into()));
                    let first = turn.first_text.entry(call).or_insert(at);
                    *first = at.min(*first);
                    match showing.epoch {
                        None => showing.epoch = Some(call),
                        Some(own) if own != call => _ = showing.mixed.get_or_insert((at, call)),
                        Some(_) => {}
                    }
                }
            }
        }
    }
}

/// Place and time of a watcher's frame.
fn at_of(frames: &[&Event], n: u64) -> At {
    let place = frames.partition_point(|event| event.n < n);
    frames.get(place).map_or(At { n, us: 0 }, |event| At::of(event))
}

/// Takes a watcher's text as the attempt's reference if it is longer. Never for the attempt that completed, whose
/// reference is the durable text.
fn lengthen<'a>(turns: &mut [Turn<'a>], watcher: &Watcher<'a>) {
    for (place, seen) in &watcher.turns {
        let turn = &mut turns[*place];
        let settled = turn.settled();
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
        let settled = turn.settled();
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

/// The parts of an attempt that are still there. `gone` holds the last removal of each part that was removed.
pub(in crate::judge::view) fn durable<'a>(
    turn: &Turn<'a>,
    (place, epoch): (usize, Epoch),
    gone: &BTreeMap<(usize, Epoch, u64), u64>,
) -> Text<'a> {
    let Some(parts) = turn.parts.get(&epoch) else {
        return Text::default();
    };
    let there = |part: &&PartRow<'_>| {
        gone.get(&(place, epoch, part.seq))
            .is_none_or(|removed| *removed < part.n)
    };
    joined(&parts.iter().filter(there).copied().collect::<Vec<_>>())
}
