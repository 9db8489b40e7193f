//! Corruptions of the course of turns: stops that come to nothing, queues that run out of order, attempts without end, owners that nobody
//! takes over, and rows that vanish.

use crosspod::history::{
    Accepted, ClientEvent, Ends, Epoch, Event, FaultStep, OpId, Outcome, ProviderWhat, Row, Status, StoreEvent, What,
};
use rand::rngs::StdRng;

use super::rim::{FAR_US, pods, take_over_late};
use super::{Kind, any, insert_last_row, places};

pub(crate) const KINDS: &[Kind] = &[
    ("a stopped turn runs to its end", run_on, &["StopOutlivesOwner"]),
    ("a stop comes to nothing", stop_late, &["CancelAnywhere"]),
    ("the newest message runs first", jump_the_queue, &["QueueOrder"]),
    ("a turn is tried without end", try_on, &["BoundedAttempts"]),
    (
        "an owner that is cut off is left alone",
        leave_cut_off,
        &["PartitionTakeover"],
    ),
    ("a turn's row vanishes", remove_turn, &["TerminalExactlyOne"]),
    ("a thread's row vanishes", remove_thread, &["NoLostAck"]),
];

/// More than any saved history allows.
const ATTEMPTS: u64 = 40;

/// A row in a transaction of its own.
fn row(xid: u64, row: Row) -> What {
    let (lsn, xid) = ("F/FFFFFFFF".into(), u64::from(u32::MAX) + xid);
    What::Store(StoreEvent::Row { lsn, xid, row })
}

fn turn_row(what: &What) -> Option<&crosspod::history::TurnRow> {
    match what {
        What::Store(StoreEvent::Row {
            row: Row::Turn(row), ..
        }) => Some(row),
        _ => None,
    }
}

fn put(events: &mut Vec<Event>, place: usize, at_us: u64, what: What) {
    events.insert(place, Event { n: 0, at_us, what });
}

// --- stops

/// The place of the first event behind an acknowledged stop at which the provider is told that its client is gone.
fn hung_up(events: &[Event]) -> Option<usize> {
    let is_taken = |event: &Event| {
        matches!(
            &event.what,
            What::Client(ClientEvent::Cancelled {
                outcome: Outcome::Ok(()),
                ..
            })
        )
    };
    let stopped = events.iter().position(is_taken)?;
    let is_hung_up = |what: &ProviderWhat| matches!(what, ProviderWhat::Ended { cause, .. } if cause == "client_gone");
    let ends = |event: &Event| matches!(&event.what, What::Provider(seen) if is_hung_up(&seen.what));
    Some(stopped + events[stopped..].iter().position(ends)?)
}

fn stop_late(events: &mut Vec<Event>, _: &mut StdRng) -> Option<()> {
    let place = hung_up(events)?;
    for event in &mut events[place..] {
        event.at_us += FAR_US;
    }
    Some(())
}

fn run_on(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let place = hung_up(events)?;
    stop_late(events, rng)?;
    for event in &mut events[place..] {
        match &mut event.what {
            What::Provider(seen) => {
                if let ProviderWhat::Ended { cause, .. } = &mut seen.what {
                    *cause = "complete".into();
                }
            }
            What::Store(StoreEvent::Row {
                row: Row::Turn(row), ..
            }) if row.status == Status::Cancelled => row.status = Status::Completed,
            _ => {}
        }
    }
    Some(())
}

// --- queues

/// A message that was acknowledged right before another one was posted waits while the other one's turn begins.
fn jump_the_queue(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let messages = places(events, |what| matches!(what, What::Client(ClientEvent::Posted { .. })));
    let place = any(&messages, rng)?;
    let post = events[place].what.clone();
    let What::Client(ClientEvent::Posted { op, thread, .. }) = &post else {
        return None;
    };
    let accepted = events.iter().find_map(|event| match &event.what {
        What::Client(ClientEvent::PostEnded {
            op: of,
            outcome: Outcome::Ok(accepted),
        }) if of == op => Some(accepted.clone()),
        _ => None,
    })?;
    // The same message may be posted more than once: its first post counts.
    let begun = |event: &Event| {
        turn_row(&event.what).is_some_and(|row| row.turn == accepted.turn && row.status == Status::InProgress)
    };
    let first = events[place..].iter().find(|event| begun(event))?;
    let is_first = !events[..place].iter().any(begun);
    let mut waiting = turn_row(&first.what)?.clone();
    (waiting.turn, waiting.message, waiting.status) =
        ("turn-that-waits".into(), Some("m-that-waits".into()), Status::Queued);
    (waiting.owner, waiting.attempt, waiting.epoch) = (None, None, None);
    let message_of = |what: &What| match what {
        What::Client(ClientEvent::Posted { message, .. }) => Some(message.clone()),
        _ => None,
    };
    let is_same = |event: &Event| message_of(&event.what).is_some_and(|message| Some(message) == message_of(&post));
    if !is_first || waiting.thread != *thread || events[..place].iter().any(is_same) {
        return None;
    }
    let at_us = events[place].at_us.saturating_sub(1);
    let mut earlier = post.clone();
    if let What::Client(ClientEvent::Posted {
        op, message, expect, ..
    }) = &mut earlier
    {
        (*op, *message, expect.key) = (OpId(u32::MAX), "m-that-waits".into(), "key-that-waits".into());
    }
    let answer = Outcome::Ok(Accepted {
        turn: "turn-that-waits".into(),
        pod: accepted.pod,
        tail: None,
    });
    let answer = What::Client(ClientEvent::PostEnded {
        op: OpId(u32::MAX),
        outcome: answer,
    });
    put(events, place, at_us, row(1, Row::Turn(Box::new(waiting.clone()))));
    put(events, place, at_us, answer);
    put(events, place, at_us, earlier);
    waiting.status = Status::Cancelled;
    insert_last_row(events, Row::Turn(Box::new(waiting)))
}

// --- attempts

/// A turn is claimed again and again, where nothing that all depend on is broken and no pod is told to stop.
fn try_on(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let pods = pods(events);
    let excuses = |event: &Event| {
        let What::Fault(fault) = &event.what else { return false };
        let is_of_pod = pods.iter().any(|pod| pod.as_str() == fault.target);
        !is_of_pod || fault.effect.ends == Ends::InGoodOrder
    };
    if events.iter().any(excuses) {
        return None;
    }
    let running = places(events, |what| {
        turn_row(what).is_some_and(|row| row.status == Status::InProgress)
    });
    let place = any(&running, rng)?;
    let claimed = turn_row(&events[place].what)?.clone();
    let epoch = claimed.epoch?.0;
    // A transaction is told in one piece.
    let behind = |event: &Event| !matches!(event.what, What::Store(StoreEvent::Row { .. }));
    let place = place + events[place..].iter().position(behind)?;
    let at_us = events[place].at_us;
    for attempt in (1..=ATTEMPTS).rev() {
        let mut again = claimed.clone();
        again.epoch = Some(Epoch(epoch + attempt));
        again.attempt = Some((epoch + attempt).to_string().into());
        put(events, place, at_us, row(attempt, Row::Turn(Box::new(again))));
    }
    Some(())
}

// --- owners

/// The fault that killed an owner only cut it off, and the takeover comes late.
fn leave_cut_off(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    take_over_late(events, rng)?;
    let pods = pods(events);
    let is_of_pod = |target: &str| pods.iter().any(|pod| pod.as_str() == target);
    for event in events {
        if let What::Fault(fault) = &mut event.what
            && fault.effect.ends == Ends::AtOnce
            && is_of_pod(&fault.target)
        {
            fault.effect.ends = Ends::Not;
            fault.effect.cuts_off = Some("postgres".into());
            fault.effect.isolates = true;
            if fault.step == FaultStep::Healed {
                event.at_us += FAR_US;
            }
        }
    }
    Some(())
}

// --- rows

fn remove_turn(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let ended = places(events, |what| {
        turn_row(what).is_some_and(|row| row.status.is_terminal())
    });
    let turn = turn_row(&events[any(&ended, rng)?].what)?.turn.clone();
    insert_last_row(events, Row::TurnGone { turn })
}

fn remove_thread(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let ended = places(events, |what| {
        turn_row(what).is_some_and(|row| row.status.is_terminal())
    });
    let thread = turn_row(&events[any(&ended, rng)?].what)?.thread.clone();
    insert_last_row(events, Row::ThreadGone { thread })
}
