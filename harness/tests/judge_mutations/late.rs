//! Corruptions of when: what is written or shown after the end, or before it may be.

use crosspod::history::{
    Capability, Chunk, Cursor, Epoch, Event, Row, RunEvent, Status, StoreEvent, TailMode, TextFrames, TurnId,
    WatcherEvent, WatcherId, What,
};
use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use super::rim::{dependencies_serve_from, watcher_of};
use super::{Kind, any, deltas, insert_behind, insert_last_row, last_attempt, over, parts, places, turn_of};

/// Longer than a row takes into the history and a turn must be over, together.
const LONG_US: u64 = 3_000_000;

pub(crate) const KINDS: &[Kind] = &[
    ("a part is written after the end", late_part, &["WriterFencing"]),
    ("the end changes", late_status, &["TerminalExactlyOne", "WriterFencing"]),
    ("a superseded epoch writes on", late_epoch, &["WriterFencing"]),
    (
        "a finish comes before its commit",
        early_finish,
        &["DurableBeforeTerminal"],
    ),
    ("text follows the finish", text_after_finish, &["NoPhantom"]),
    ("a text is not closed", leave_open, &["FramesWhole"]),
    ("a fresh tail shows a turn that was over", show_again, &["NoPhantom"]),
];

fn late_part(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let (turn, epoch) = last_attempt(events)?;
    let (epoch, seq, text) = (Some(epoch), rng.random_range(1..99), "and another thing ".into());
    insert_last_row(events, Row::Part { turn, epoch, seq, text })
}

fn late_status(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let is_end = |what: &What| matches!(what, What::Store(StoreEvent::Row { row: Row::Turn(row), .. }) if row.status.is_terminal());
    let What::Store(StoreEvent::Row { mut row, .. }) = events[*places(events, is_end).last()?].what.clone() else {
        return None;
    };
    if let Row::Turn(row) = &mut row {
        let mut others = vec![Status::Failed, Status::Lost, Status::InProgress];
        others.retain(|other| *other != row.status);
        row.status = *others.choose(rng)?;
    }
    insert_last_row(events, row)
}

fn late_epoch(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let over = over(events);
    let mut parts = parts(events);
    let superseded = |place: usize| {
        let turn = turn_of(&events[place].what)?.clone();
        let epoch = Epoch(over.get(&turn)?.0 - 1);
        (epoch.0 > 0).then_some((turn, epoch))
    };
    parts.retain(|place| superseded(*place).is_some());
    let place = any(&parts, rng)?;
    let (turn, epoch) = superseded(place)?;
    let (seq, text) = (90, "I am not dead ".into());
    let (lsn, xid) = ("F/FFFFFFFF".into(), u64::from(u32::MAX));
    if rng.random_bool(0.5) {
        let epoch = Some(epoch);
        let row = Row::Part { turn, epoch, seq, text };
        insert_behind(events, place, What::Store(StoreEvent::Row { lsn, xid, row }));
        return Some(());
    }
    let mut frames = deltas(events);
    frames.retain(|place| turn_of(&events[*place].what) == Some(&turn));
    let place = any(&frames, rng)?;
    if let What::Watcher(WatcherEvent::Frame { watcher, .. }) = &events[place].what {
        let (watcher, id) = (*watcher, Some(format!("{epoch}-{seq}").into()));
        let epoch = Some(epoch);
        let (cursor, chunk) = (Some(Cursor { epoch, seq }), Chunk::Delta { turn, text });
        insert_behind(
            events,
            place,
            What::Watcher(WatcherEvent::Frame {
                watcher,
                id,
                cursor,
                chunk,
            }),
        );
    }
    Some(())
}

fn early_finish(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let place = any(
        &places(events, |what| {
            matches!(what, What::Store(StoreEvent::TerminalProbe { .. }))
        }),
        rng,
    )?;
    if let What::Store(StoreEvent::TerminalProbe { status, .. }) = &mut events[place].what {
        *status = Some(Status::InProgress);
    }
    Some(())
}

fn text_after_finish(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let finishes = places(events, |what| {
        matches!(
            what,
            What::Watcher(WatcherEvent::Frame {
                chunk: Chunk::Finish { .. },
                ..
            })
        )
    });
    let place = any(&finishes, rng)?;
    let mut more = events[place].what.clone();
    if let What::Watcher(WatcherEvent::Frame {
        id,
        cursor: Some(cursor),
        chunk,
        ..
    }) = &mut more
    {
        let (turn, _) = last_attempt(events)?;
        cursor.seq += 1;
        *id = cursor.epoch.map(|epoch| format!("{epoch}-{}", cursor.seq).into());
        *chunk = Chunk::Delta {
            turn,
            text: "one more thing ".into(),
        };
    }
    insert_behind(events, place, more);
    Some(())
}

/// Opens a tail without a cursor at the very end, and shows on it a turn that was over long before.
fn show_again(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    if dependencies_serve_from(events) > 0 {
        return None;
    }
    for event in events.iter_mut() {
        if let What::Run(RunEvent::Began(began)) = &mut event.what {
            began.capabilities.push(Capability::SkipsFinished);
        }
    }
    let end = events
        .iter()
        .position(|event| event.what == What::Run(RunEvent::Quiesced))?
        - 1;
    let (turn, _) = last_attempt(events)?;
    let mut finishes = places(events, |what| is_finish_of(what, &turn));
    finishes.retain(|place| !has_started_over(&events[..*place], watcher_of(&events[*place].what)));
    let place = any(&finishes, rng)?;
    let shown_to = watcher_of(&events[place].what)?;
    let mut opened = events.iter().find_map(|event| match &event.what {
        What::Watcher(
            opened @ WatcherEvent::TailOpened {
                watcher, turn: None, ..
            },
        ) if *watcher == shown_to => Some(opened.clone()),
        _ => None,
    })?;
    if let WatcherEvent::TailOpened {
        watcher,
        mode,
        cursor,
        asked_us,
        ..
    } = &mut opened
    {
        (*watcher, *mode, *cursor) = (WatcherId(902), TailMode::Start, None);
        *asked_us = events[end].at_us.max(events[place].at_us + LONG_US);
    }
    let mut again = events[place].what.clone();
    if let What::Watcher(WatcherEvent::Frame { watcher, .. }) = &mut again {
        *watcher = WatcherId(902);
    }
    insert_behind(events, end, again);
    insert_behind(events, end, What::Watcher(opened));
    Some(())
}

fn is_finish_of(what: &What, of: &TurnId) -> bool {
    matches!(what, What::Watcher(WatcherEvent::Frame { chunk: Chunk::Finish { turn, .. }, .. }) if turn == of)
}

/// True if the watcher was told to start over.
fn has_started_over(events: &[Event], watcher: Option<WatcherId>) -> bool {
    events.iter().any(|event| {
        let is_resync = matches!(
            event.what,
            What::Watcher(WatcherEvent::Frame {
                chunk: Chunk::Resync { .. },
                ..
            })
        );
        is_resync && watcher_of(&event.what) == watcher
    })
}

/// Takes the end of a text out of a tail that began with the attempt's start and goes on to its finish.
fn leave_open(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    for event in events.iter_mut() {
        if let What::Run(RunEvent::Began(began)) = &mut event.what {
            let (opens, closes) = (vec!["text-start".to_owned()], vec!["text-end".to_owned()]);
            began.capabilities.push(Capability::TextsClosed);
            began.rules.texts = Some(TextFrames { opens, closes });
        }
    }
    let mut ends = places(events, |what| part_of(what) == Some("text-end"));
    ends.retain(|place| {
        let watcher = watcher_of(&events[*place].what);
        let shows = |events: &[Event], which: fn(&Chunk) -> bool| {
            let mut own = events.iter().filter(|event| watcher_of(&event.what) == watcher);
            own.any(|event| matches!(&event.what, What::Watcher(WatcherEvent::Frame { chunk, .. }) if which(chunk)))
        };
        let (before, after) = events.split_at(*place);
        !has_started_over(events, watcher)
            && shows(before, |chunk| matches!(chunk, Chunk::Start(_)))
            && shows(after, |chunk| matches!(chunk, Chunk::Finish { .. }))
    });
    let place = any(&ends, rng)?;
    events.remove(place);
    Some(())
}

fn part_of(what: &What) -> Option<&str> {
    match what {
        What::Watcher(WatcherEvent::Frame {
            chunk: Chunk::Part { part, .. },
            ..
        }) => Some(part),
        _ => None,
    }
}
