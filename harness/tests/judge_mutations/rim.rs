//! Corruptions at the rim: what a tail is at all, when things come, who does what beside the answer, and what is left.

use std::collections::BTreeSet;

use crosspod::history::{
    BodyLimit, Capability, ClientEvent, Credential, Cursor, CursorForm, Ends, Epoch, Event, FaultStep, Footprint,
    MachineEvent, Outcome, PodEvent, PodName, ProviderWhat, Row, RunEvent, Status, StoreEvent, TailEnd, WatcherEvent,
    WatcherId, What,
};
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::{Kind, any, deltas, insert_behind, insert_last_row, last_attempt, places};

/// Far beyond every bound of a saved history, in microseconds.
pub(crate) const FAR_US: u64 = 60_000_000;

pub(crate) const KINDS: &[Kind] = &[
    ("a tail breaks off", break_off, &["TerminalReachesClient"]),
    ("a finish comes late", finish_late, &["TerminalReachesClient"]),
    ("a stream turns out to be none", garble, &["FramesWhole"]),
    (
        "an attach is answered with nonsense",
        answer_with_nonsense,
        &["FramesWhole"],
    ),
    ("a good cursor is refused", refuse_cursor, &["ResumeGapFree"]),
    ("a message that is too large is taken", take_too_large, &["NoLostAck"]),
    ("an id goes back", set_back, &["MonotoneCursor"]),
    ("an id is missing", take_id, &["MonotoneCursor"]),
    ("a message makes two turns", second_turn, &["IdempotentSubmit"]),
    ("two turns run at once", run_another, &["SingleActiveTurn"]),
    ("the provider is called too often", call_again, &["BoundedProviderWork"]),
    ("the takeover comes late", take_over_late, &["BoundedTakeover"]),
    ("a pod ends by itself", die, &["DependencySelfHeal"]),
    ("something is left", leave_behind, &["NoLeak"]),
    ("a process grows by the turn", grow, &["NoLeak"]),
    (
        "a pod tells nonsense for a thread",
        tell_nonsense,
        &["LiveDurableAgreement"],
    ),
];

// --- whom it can be held against

pub(crate) fn pods(events: &[Event]) -> BTreeSet<PodName> {
    let of = |event: &Event| match &event.what {
        What::Watcher(WatcherEvent::TailOpened { pod, .. }) => Some(pod.clone()),
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

fn is_one(pods: &BTreeSet<PodName>, name: &str) -> bool {
    pods.iter().any(|pod| pod.as_str() == name)
}

/// Pods that nothing was broken for but what they all depend on.
fn healthy(events: &[Event]) -> BTreeSet<PodName> {
    let mut pods = pods(events);
    for event in events {
        if let What::Fault(fault) = &event.what {
            pods.retain(|pod| pod.as_str() != fault.target);
        }
    }
    pods
}

/// Their watchers.
pub(crate) fn of_healthy(events: &[Event]) -> BTreeSet<WatcherId> {
    let pods = healthy(events);
    let of = |event: &Event| match &event.what {
        What::Watcher(WatcherEvent::TailOpened { watcher, pod, .. }) if pods.contains(pod) => Some(*watcher),
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

pub(crate) fn watcher_of(what: &What) -> Option<WatcherId> {
    match what {
        What::Watcher(WatcherEvent::Frame { watcher, .. } | WatcherEvent::TailClosed { watcher, .. })
        | What::Store(StoreEvent::TerminalProbe { watcher, .. }) => Some(*watcher),
        _ => None,
    }
}

/// A frame with text of the last attempt, and its watcher, on a pod that nothing was broken for.
fn watched_delta(events: &[Event], rng: &mut StdRng) -> Option<(usize, WatcherId)> {
    let watchers = of_healthy(events);
    let mut places = deltas(events);
    places.retain(|place| watcher_of(&events[*place].what).is_some_and(|watcher| watchers.contains(&watcher)));
    let place = any(&places, rng)?;
    Some((place, watcher_of(&events[place].what)?))
}

// --- tails

/// The place from which on nothing that pods depend on is broken.
pub(crate) fn dependencies_serve_from(events: &[Event]) -> usize {
    let pods = pods(events);
    let is_of_dependency = |event: &Event| matches!(&event.what, What::Fault(fault) if !is_one(&pods, &fault.target));
    events.iter().rposition(is_of_dependency).map_or(0, |last| last + 1)
}

fn break_off(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let (place, watcher) = watched_delta(events, rng)?;
    if place < dependencies_serve_from(events) {
        return None;
    }
    let mut at = 0;
    events.retain(|event| {
        at += 1;
        at <= place + 1 || watcher_of(&event.what) != Some(watcher)
    });
    let end = TailEnd::Eof;
    insert_behind(events, place, What::Watcher(WatcherEvent::TailClosed { watcher, end }));
    Some(())
}

fn finish_late(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let (_, late) = watched_delta(events, rng)?;
    let is_finish = |what: &What| {
        use crosspod::history::Chunk::Finish;
        matches!(what, What::Watcher(WatcherEvent::Frame { watcher, chunk: Finish { .. }, .. }) if *watcher == late)
    };
    for place in places(events, is_finish) {
        events[place].at_us += FAR_US;
    }
    Some(())
}

fn garble(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let place = any(
        &places(events, |what| {
            matches!(what, What::Watcher(WatcherEvent::TailClosed { .. }))
        }),
        rng,
    )?;
    if let What::Watcher(WatcherEvent::TailClosed { end, .. }) = &mut events[place].what {
        let (why, seen_bytes) = ("an event of over 4194304 bytes".to_owned(), 5_000_000);
        *end = TailEnd::NoStream { why, seen_bytes };
    }
    Some(())
}

fn answer_with_nonsense(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let pods = healthy(events);
    let is_healthy =
        |what: &What| matches!(what, What::Watcher(WatcherEvent::TailOpened { pod, .. }) if pods.contains(pod));
    let place = any(&places(events, is_healthy), rng)?;
    let What::Watcher(WatcherEvent::TailOpened { pod, thread, .. }) = &events[place].what else {
        return None;
    };
    let refused = What::Watcher(WatcherEvent::TailRefused {
        watcher: WatcherId(900),
        pod: pod.clone(),
        thread: thread.clone(),
        turn: None,
        cursor: None,
        form: CursorForm::default(),
        asked_us: 0,
        session: None,
        status: Some(302),
        reason: "status 302, content type none".into(),
        garbled: true,
    });
    insert_behind(events, place, refused);
    Some(())
}

/// A client comes back to a pod that nothing ails, with the id of the last frame but one that it was shown, and is refused.
fn refuse_cursor(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let pods = healthy(events);
    let is_unbroken = !events.iter().any(|event| matches!(event.what, What::Fault(_)));
    let (place, shown_to) = watched_delta(events, rng)?;
    let opened = events[..place].iter().find_map(|event| match &event.what {
        What::Watcher(WatcherEvent::TailOpened {
            watcher, pod, thread, ..
        }) if *watcher == shown_to => Some((pod.clone(), thread.clone())),
        _ => None,
    });
    let (pod, thread) = opened.filter(|(pod, _)| is_unbroken && pods.contains(pod))?;
    let What::Watcher(WatcherEvent::Frame { id: Some(id), .. }) = &events[place].what else {
        return None;
    };
    let refused = What::Watcher(WatcherEvent::TailRefused {
        watcher: WatcherId(901),
        pod,
        thread,
        turn: None,
        cursor: Some(id.as_str().into()),
        form: CursorForm::LastEventId,
        asked_us: events[place].at_us + 1,
        session: None,
        status: Some(400),
        reason: "status 400, content type application/json: no such cursor".into(),
        garbled: false,
    });
    insert_behind(events, place, refused);
    Some(())
}

/// A pod takes a message that is larger than the system is said to take.
fn take_too_large(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    for event in events.iter_mut() {
        if let What::Run(RunEvent::Began(began)) = &mut event.what {
            began.capabilities.push(Capability::BodyLimit);
            let (bytes, status) = (2_000_000, 413);
            began.rules.body_limit = Some(BodyLimit { bytes, status });
        }
    }
    let is_open = |what: &What| matches!(what, What::Watcher(WatcherEvent::TailOpened { .. }));
    let place = any(&places(events, is_open), rng)?;
    let What::Watcher(WatcherEvent::TailOpened { pod, thread, .. }) = &events[place].what else {
        return None;
    };
    let taken = ClientEvent::PostedTooLarge {
        pod: pod.clone(),
        thread: thread.clone(),
        bytes: 2_000_000,
        asked_us: events[place].at_us,
        outcome: Outcome::Ok(()),
    };
    insert_behind(events, place, What::Client(taken));
    Some(())
}

fn set_back(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let (place, watcher) = watched_delta(events, rng)?;
    let is_before = |event: &Event| matches!(&event.what, What::Watcher(WatcherEvent::Frame { watcher: of, cursor: Some(_), .. }) if *of == watcher);
    // The first frame of a tail has none to go back from.
    if !events[..place].iter().any(is_before) {
        return None;
    }
    if let What::Watcher(WatcherEvent::Frame { id, cursor, .. }) = &mut events[place].what {
        let epoch = cursor.as_ref()?.epoch?;
        *id = Some(format!("{epoch}-0").into());
        *cursor = Some(Cursor {
            epoch: Some(epoch),
            seq: 0,
        });
    }
    Some(())
}

fn take_id(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let (place, _) = watched_delta(events, rng)?;
    if let What::Watcher(WatcherEvent::Frame { id, cursor, .. }) = &mut events[place].what {
        (*cursor, *id) = (None, None);
    }
    Some(())
}

// --- turns, calls and owners

/// A row of the last turn, with another turn's name and the given status.
fn another_turn(events: &[Event], status: Status) -> Option<Row> {
    let (last, _) = last_attempt(events)?;
    let mut row = events.iter().find_map(|event| match &event.what {
        What::Store(StoreEvent::Row { row, .. }) if matches!(row, Row::Turn(row) if row.turn == last) => {
            Some(row.clone())
        }
        _ => None,
    })?;
    if let Row::Turn(row) = &mut row {
        (row.turn, row.status) = ("turn-of-nobody".into(), status);
    }
    Some(row)
}

fn second_turn(events: &mut Vec<Event>, _: &mut StdRng) -> Option<()> {
    let row = another_turn(events, Status::Cancelled)?;
    insert_last_row(events, row)
}

fn run_another(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let row = another_turn(events, Status::InProgress)?;
    let is_running = |what: &What| {
        let running = Status::InProgress;
        matches!(what, What::Store(StoreEvent::Row { row: Row::Turn(row), .. }) if row.status == running)
    };
    let place = any(&places(events, is_running), rng)?;
    let (lsn, xid) = ("F/FFFFFFFF".into(), u64::from(u32::MAX));
    insert_behind(events, place, What::Store(StoreEvent::Row { lsn, xid, row }));
    Some(())
}

fn call_again(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let is_start =
        |what: &What| matches!(what, What::Provider(told) if matches!(told.what, ProviderWhat::Started { .. }));
    let place = any(&places(events, is_start), rng)?;
    // A takeover whose heir died before its own call leaves one to spare.
    for more in 1..=2 {
        let mut again = events[place].what.clone();
        if let What::Provider(told) = &mut again {
            (told.call, told.ordinal) = (told.call + 1000 * u64::from(more), told.ordinal + 7 * more);
        }
        insert_behind(events, place, again);
    }
    Some(())
}

pub(crate) fn take_over_late(events: &mut Vec<Event>, _: &mut StdRng) -> Option<()> {
    let pods = pods(events);
    let is_kill = |event: &Event| match &event.what {
        What::Fault(fault) => fault.effect.ends == Ends::AtOnce && is_one(&pods, &fault.target),
        _ => false,
    };
    let (_, last) = last_attempt(events)?;
    let killed = events
        .iter()
        .rposition(|event| is_kill(event) && !is_healing(&event.what))?;
    // Whatever first shows that somebody else is at work: the store is not always the first to tell.
    let shows = |event: &Event| match &event.what {
        What::Store(StoreEvent::Row { row, .. }) => match row {
            Row::Thread { epoch, .. } => *epoch == Some(last),
            Row::Turn(row) => row.epoch == Some(last),
            _ => false,
        },
        What::Watcher(WatcherEvent::Frame { cursor, .. }) => cursor.is_some_and(|cursor| cursor.epoch == Some(last)),
        What::Provider(told) => matches!(told.what, ProviderWhat::Started { .. }),
        _ => false,
    };
    let first = killed + events[killed..].iter().position(shows)?;
    if last == Epoch(1) {
        return None;
    }
    for event in &mut events[first..] {
        event.at_us += FAR_US;
    }
    Some(())
}

fn is_healing(what: &What) -> bool {
    matches!(what, What::Fault(fault) if matches!(fault.step, FaultStep::Healing | FaultStep::Healed))
}

// --- what pods do and leave

fn die(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let pods = healthy(events);
    let place = any(
        &places(events, |what| matches!(what, What::Store(StoreEvent::Row { .. }))),
        rng,
    )?;
    let what = What::Machine(MachineEvent::Engine {
        service: pods.first()?.to_string(),
        action: "die".into(),
        exit_code: Some(101),
    });
    insert_behind(events, place, what);
    Some(())
}

fn leave_behind(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let place = any(&places(events, |what| matches!(what, What::Run(RunEvent::Healed))), rng)?;
    let what = What::Pod(PodEvent::LeftAfter {
        pod: healthy(events).pop_first(),
        what: "open tails".into(),
        count: 1,
    });
    insert_behind(events, place, what);
    Some(())
}

/// A pod that was looked at behind five rounds of turns, each of which left it with more descriptors, or with more memory.
fn grow(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    const TURNS: u32 = 12;
    // No kernel gives a process this number.
    let process = u32::MAX;
    let pod = healthy(events).pop_first()?;
    let place = any(&places(events, |what| matches!(what, What::Run(RunEvent::Healed))), rng)?;
    let (a_turn, kib_a_turn) = if rng.random_bool(0.5) { (1, 0) } else { (0, 1024) };
    for round in (1..=5).rev() {
        let turns = u64::from(round * TURNS);
        let what = What::Pod(PodEvent::Footprint(Footprint {
            pod: pod.clone(),
            process,
            round,
            turns: TURNS,
            descriptors: Some(20 + turns * a_turn),
            memory_kib: 5_000 + turns * kib_a_turn,
        }));
        insert_behind(events, place, what);
    }
    Some(())
}

fn tell_nonsense(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let played = events
        .iter()
        .position(|event| matches!(event.what, What::Run(RunEvent::Played { .. })))?;
    let mut reads = places(events, |what| matches!(what, What::Pod(PodEvent::ThreadRead { .. })));
    reads.retain(|place| *place > played);
    let place = any(&reads, rng)?;
    let What::Pod(PodEvent::ThreadRead { pod, thread, .. }) = events[place].what.clone() else {
        return None;
    };
    events[place].what = What::Client(ClientEvent::Access {
        pod,
        credential: Credential::Owner,
        thread,
        route: "read".into(),
        status: Some(200),
        body: "read a thread on pod-1: 200 OK with a body that is not JSON".into(),
    });
    Some(())
}
