//! The commits of the stores for a turn: its rows, and the entries of the stream log.

use crate::history::{Chunk, Event, Row, Status, StoreEvent, ThreadId, TurnId, What};
use crate::run::check::places::Places;
use crate::run::check::section::{Line, Section};
use crate::run::check::wording::table::word;
use crate::system::reading::tokens_of;

/// Most findings of one kind that are told.
const TOLD: usize = 5;

/// The commits of a turn's rows, and of its thread's.
pub(in crate::run) fn rows(events: &[Event], thread: &ThreadId, turn: &TurnId, places: &Places) -> Section {
    let rows = events.iter().filter_map(|event| match &event.what {
        What::Store(StoreEvent::Row { row, .. }) => Some(row),
        _ => None,
    });
    let (mut turns, mut threads, mut parts, mut unread) = (Vec::new(), Vec::new(), 0, Vec::new());
    for row in rows {
        match row {
            Row::Turn(row) if row.turn == *turn => {
                turns.push(state(row.status, row.owner.as_ref().map(ToString::to_string)));
            }
            Row::Thread {
                thread: of,
                status,
                owner,
                ..
            } if of == thread => {
                threads.push(state(*status, owner.as_ref().map(ToString::to_string)));
            }
            Row::Part { turn: of, .. } if of == turn => parts += 1,
            Row::Unread { place, value, why } => unread.push(format!("{place} = {value:?}: {why}")),
            _ => {}
        }
    }
    unread.sort();
    unread.dedup();
    let mut section = Section::new("ROWS");
    let told = |name: &str, states: &[String]| {
        (!states.is_empty()).then(|| Line::info(format!("{name}: {}   {} commits", states.join(" · "), states.len())))
    };
    section.lines.extend(told("the turn", &turns));
    section.lines.extend(told("its thread", &threads));
    if parts > 0 {
        section.push(Line::info(format!("parts of its text: {parts}")));
    }
    let is_empty = section.lines.is_empty();
    for unread in unread.into_iter().take(TOLD) {
        section.push(Line::bad(unread).at(places.of("statuses")));
    }
    if is_empty && !section.is_bad() {
        let text = "no row of the turn was committed; is it another table, or another column for its id?";
        section.push(Line::bad(text).at(places.of("rows")));
    }
    section
}

fn state(status: Status, owner: Option<String>) -> String {
    owner.map_or_else(|| word(status).to_owned(), |owner| format!("{} {owner}", word(status)))
}

/// The entries of the stream log, held against the tokens that a tail showed.
pub(in crate::run) fn log(
    events: &[Event],
    (thread, turn, key): (&ThreadId, &TurnId, &str),
    shown: usize,
    places: &Places,
) -> Section {
    let (mut entries, mut text, mut unreadable, mut last) = (0, String::new(), Vec::new(), 0);
    for event in events {
        let What::Store(StoreEvent::Logged {
            thread: of,
            turn: one,
            seq,
            chunk,
            ..
        }) = &event.what
        else {
            continue;
        };
        let is_ours = of.as_ref() == Some(thread)
            || one.as_deref() == Some(turn)
            || (of.is_none() && one.is_none() && chunk.turn() == Some(turn));
        if !is_ours {
            continue;
        }
        if *seq != last {
            entries += 1;
            last = *seq;
        }
        match chunk {
            Chunk::Delta { turn: of, text: more } if of == turn => text.push_str(more),
            Chunk::Whole { turn: of, text: whole } if of == turn => text.clone_from(whole),
            Chunk::Unreadable { why, .. } => unreadable.push(why.clone()),
            _ => {}
        }
    }
    unreadable.sort();
    unreadable.dedup();
    let tokens = tokens_of(key, &text).len();
    let at = || places.of("log");
    let mut section = Section::new("LOG");
    section.push(match entries {
        0 => Line::bad("no entry of the turn came to the stream log; is the name right?").at(at()),
        _ if shown == 0 => Line::info(format!("{entries} entries; their text is read by the rules for frames")),
        _ if tokens == shown => Line::ok(format!("{entries} entries with {tokens} tokens, the same as the tail")),
        _ => Line::bad(format!(
            "{entries} entries with {tokens} tokens; the tail showed {shown}"
        ))
        .at(at()),
    });
    // The tail is told of where its frames do not say it.
    unreadable.retain(|why| {
        ["leads to no", "of [statuses]", "no kind at"]
            .iter()
            .all(|told| !why.contains(told))
    });
    for why in unreadable.into_iter().take(TOLD) {
        section.push(Line::bad(format!("an entry cannot be read: {why}")).at(at()));
    }
    section
}
