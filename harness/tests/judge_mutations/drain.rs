//! Corruptions of a drain: what a pod does with its streams once it is told to stop.

use crosspod::history::{
    Capability, Chunk, Effect, Ends, Event, Excuses, FaultEvent, FaultStep, MachineEvent, PodName, Row, RunEvent,
    Status, StoreEvent, TailEnd, TurnId, WatcherEvent, WatcherId, What,
};
use rand::rngs::StdRng;

use super::rim::{dependencies_serve_from, of_healthy, watcher_of};
use super::{Kind, any, insert_behind, last_attempt, places};

/// Longer than a row may take from its commit into the history.
const LATE_US: u64 = 1_500_000;

pub(crate) const KINDS: &[Kind] = &[
    ("a drain cuts a stream", cut, &["DrainCompleteness"]),
    (
        "a turn that is over is handed over",
        hand_over_late,
        &["DrainCompleteness"],
    ),
];

/// Tells a pod to stop behind a piece of text that a watcher is shown, lets it end in good order, and ends the watcher's tail without a
/// word, though the turn goes on for long.
fn cut(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    promise_hand_overs(events)?;
    let watchers = of_healthy(events);
    let first = dependencies_serve_from(events);
    let mut shown = places(events, |what| text_of(what).is_some());
    shown.retain(|place| {
        let counts = |(watcher, turn)| watchers.contains(&watcher) && goes_on(events, *place, turn);
        *place >= first && text_of(&events[*place].what).is_some_and(counts)
    });
    let place = any(&shown, rng)?;
    let (watcher, _) = text_of(&events[place].what)?;
    let pod = pod_of(events, watcher)?;
    let mut at = 0;
    events.retain(|event| {
        at += 1;
        at <= place + 1 || watcher_of(&event.what) != Some(watcher)
    });
    let gone = What::Machine(MachineEvent::Engine {
        service: pod.to_string(),
        action: "die".into(),
        exit_code: Some(0),
    });
    let end = TailEnd::Eof;
    insert_behind(events, place, gone);
    insert_behind(events, place, What::Watcher(WatcherEvent::TailClosed { watcher, end }));
    insert_behind(events, place, stop_order(&pod));
    Some(())
}

/// Tells a watcher of a hand-over right behind the finish of the turn that ends last.
fn hand_over_late(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    promise_hand_overs(events)?;
    let (last, _) = last_attempt(events)?;
    let finishes = places(
        events,
        |what| matches!(what, What::Watcher(WatcherEvent::Frame { chunk: Chunk::Finish { turn, .. }, .. }) if *turn == last),
    );
    let place = any(&finishes, rng)?;
    let watcher = watcher_of(&events[place].what)?;
    let reason = "the turn goes on".to_owned();
    let told = WatcherEvent::Frame {
        watcher,
        id: None,
        cursor: None,
        chunk: Chunk::Handover { reason },
    };
    insert_behind(events, place, What::Watcher(told));
    Some(())
}

/// Lets the history be one of a system that has a word for hand-overs, and whose every commit is known.
fn promise_hand_overs(events: &mut [Event]) -> Option<()> {
    let began = events.iter_mut().find_map(|event| match &mut event.what {
        What::Run(RunEvent::Began(began)) => Some(began),
        _ => None,
    })?;
    began.capabilities.push(Capability::Handover);
    began.capabilities.contains(&Capability::EveryCommit).then_some(())
}

fn stop_order(pod: &PodName) -> What {
    What::Fault(Box::new(FaultEvent {
        id: u32::MAX - 1,
        name: "terminate".into(),
        target: pod.to_string(),
        effect: Effect {
            ends: Ends::InGoodOrder,
            ..Effect::excusing(Excuses::ItsTarget)
        },
        step: FaultStep::Aimed {
            thread: None,
            epoch: None,
        },
    }))
}

/// The watcher and the turn of a frame with text.
fn text_of(what: &What) -> Option<(WatcherId, &TurnId)> {
    match what {
        What::Watcher(WatcherEvent::Frame {
            watcher,
            chunk: Chunk::Delta { turn, .. },
            ..
        }) => Some((*watcher, turn)),
        _ => None,
    }
}

/// True if the turn had begun by an event and goes on long after it.
fn goes_on(events: &[Event], place: usize, turn: &TurnId) -> bool {
    let status = |event: &Event| match &event.what {
        What::Store(StoreEvent::Row {
            row: Row::Turn(row), ..
        }) if row.turn == *turn => Some(row.status),
        _ => None,
    };
    let has_begun = events[..place]
        .iter()
        .any(|event| status(event) == Some(Status::InProgress));
    let ended = events
        .iter()
        .find(|event| status(event).is_some_and(Status::is_terminal));
    has_begun && ended.is_none_or(|ended| ended.at_us > events[place].at_us + LATE_US)
}

fn pod_of(events: &[Event], watcher: WatcherId) -> Option<PodName> {
    events.iter().find_map(|event| match &event.what {
        What::Watcher(WatcherEvent::TailOpened { watcher: of, pod, .. }) if *of == watcher => Some(pod.clone()),
        _ => None,
    })
}
