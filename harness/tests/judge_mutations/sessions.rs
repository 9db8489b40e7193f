//! Corruptions of live sessions. No saved history has two posts of a thread through an edge, so the requests are added to runs in which
//! nothing was broken: the system becomes one that tells of cold starts, and a pod tells wrongly.

use crosspod::history::{
    Accepted, Affinity, Capability, ClientEvent, EdgeEntry, EdgeRules, Epoch, Event, MachineEvent, OpId, Outcome,
    PodName, Routed, Row, RunEvent, Status, StoreEvent, ThreadId, TurnId, TurnRow, What,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use super::Kind;

/// The one entry of the edge.
const ENTRY: &str = "door";
/// For how long a pod keeps a session.
const KEPT_MS: u64 = 3_000;
/// From the end of a turn to the next post.
const PAUSE_US: u64 = 300_000;

pub(crate) const KINDS: &[Kind] = &[
    (
        "a session that is built is not told",
        hide_cold_start,
        &["SessionsStayWarm"],
    ),
    ("a session in use is built again", build_again, &["SessionsStayWarm"]),
];

/// The only post of a thread, whose turn was answered by the pod that accepted it.
struct Only {
    op: OpId,
    thread: ThreadId,
    pod: PodName,
    /// When the turn ended, in microseconds since the run began.
    ended_us: u64,
}

fn hide_cold_start(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let only = routed_by(events, rng)?;
    route(events, &only, None)
}

fn build_again(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let only = routed_by(events, rng)?;
    route(events, &only, Some(30))?;
    let again: TurnId = "turn-again".into();
    let mut post = events.iter().find_map(|event| match &event.what {
        post @ What::Client(ClientEvent::Posted { op, .. }) if *op == only.op => Some(post.clone()),
        _ => None,
    })?;
    let What::Client(ClientEvent::Posted {
        op, message, expect, ..
    }) = &mut post
    else {
        return None;
    };
    let own = OpId(u32::MAX);
    (*op, *message, expect.key) = (own, "m-again".into(), "key-again".into());
    let outcome = Outcome::Ok(Accepted {
        turn: again.clone(),
        pod: only.pod.clone(),
        tail: None,
    });
    let asked_us = only.ended_us + PAUSE_US;
    let thread_row = |owner: Option<PodName>, status| Row::Thread {
        thread: only.thread.clone(),
        status,
        owner,
        attempt: None,
        epoch: Some(Epoch(99)),
    };
    let turn_row = |status| {
        Row::Turn(Box::new(TurnRow {
            turn: again.clone(),
            thread: only.thread.clone(),
            message: Some("m-again".into()),
            status,
            owner: None,
            attempt: None,
            epoch: Some(Epoch(99)),
            error: None,
        }))
    };
    let stored = |row: Row| {
        What::Store(StoreEvent::Row {
            lsn: "F/FFFFFFFF".into(),
            xid: u64::from(u32::MAX),
            row,
        })
    };
    for what in [
        post,
        told(&only, Some(30), asked_us),
        What::Client(ClientEvent::PostEnded { op: own, outcome }),
        stored(thread_row(Some(only.pod.clone()), Status::InProgress)),
        stored(turn_row(Status::InProgress)),
        stored(turn_row(Status::Completed)),
        stored(thread_row(None, Status::Completed)),
    ] {
        add(events, asked_us, what);
    }
    Some(())
}

/// Makes the system one whose pods tell of cold starts to clients of an edge, and finds a post that may have been a client's.
fn routed_by(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<Only> {
    if events.iter().any(|event| matches!(event.what, What::Fault(_))) {
        return None;
    }
    let posts = only_posts(events);
    let found = posts.choose(rng)?;
    let (op, thread, turn, pod) = found.clone();
    let ended_us = events.iter().find_map(|event| match &event.what {
        What::Store(StoreEvent::Row {
            row: Row::Turn(row), ..
        }) if row.turn == turn && row.status.is_terminal() => {
            (row.status == Status::Completed && row.owner.is_none()).then_some(event.at_us)
        }
        _ => None,
    })?;
    // A machine that is not short of processors explains nothing.
    events.retain(|event| !matches!(event.what, What::Machine(MachineEvent::Starved { .. })));
    let What::Run(RunEvent::Began(began)) = &mut events.first_mut()?.what else {
        return None;
    };
    for capability in [Capability::Edge, Capability::ColdStart, Capability::Owner] {
        if !began.capabilities.contains(&capability) {
            began.capabilities.push(capability);
        }
    }
    began.rules.edge = Some(EdgeRules {
        lifetime_ms: Some(KEPT_MS),
        entries: vec![EdgeEntry {
            name: ENTRY.into(),
            affinity: Affinity::None,
            tls: false,
            redirects: false,
        }],
        ..EdgeRules::default()
    });
    Some(Only {
        op,
        thread,
        pod,
        ended_us,
    })
}

/// Accepted posts, each the only one of its thread and answered by the pod that accepted it.
fn only_posts(events: &[Event]) -> Vec<(OpId, ThreadId, TurnId, PodName)> {
    let posted = events.iter().filter_map(|event| match &event.what {
        What::Client(ClientEvent::Posted { op, thread, .. }) => Some((*op, thread)),
        _ => None,
    });
    let posted: Vec<(OpId, &ThreadId)> = posted.collect();
    let owners = |of: &ThreadId| -> Vec<PodName> {
        let owners = events.iter().filter_map(|event| match &event.what {
            What::Store(StoreEvent::Row {
                row: Row::Thread { thread, owner, .. },
                ..
            }) if thread == of => owner.clone(),
            _ => None,
        });
        owners.collect()
    };
    let stopped = |of: &ThreadId| {
        events
            .iter()
            .any(|event| matches!(&event.what, What::Client(ClientEvent::Cancelled { thread, .. }) if thread == of))
    };
    let accepted = events.iter().filter_map(|event| match &event.what {
        What::Client(ClientEvent::PostEnded {
            op,
            outcome: Outcome::Ok(accepted),
        }) => Some((*op, accepted)),
        _ => None,
    });
    let only = accepted.filter_map(|(op, accepted)| {
        let (_, thread) = posted.iter().find(|(other, _)| *other == op)?;
        let is_only = posted.iter().filter(|(_, other)| other == thread).count() == 1;
        let owned = owners(thread);
        let is_its_own = !owned.is_empty() && owned.iter().all(|owner| *owner == accepted.pod);
        (is_only && is_its_own && !stopped(thread))
            .then(|| (op, (*thread).clone(), accepted.turn.clone(), accepted.pod.clone()))
    });
    only.collect()
}

/// Puts the request behind the post in, right before the post's end.
fn route(events: &mut Vec<Event>, only: &Only, cold_start_ms: Option<u64>) -> Option<()> {
    let ends = |what: &What| matches!(what, What::Client(ClientEvent::PostEnded { op, .. }) if *op == only.op);
    let place = events.iter().position(|event| ends(&event.what))?;
    let at_us = events[place].at_us;
    let what = told(only, cold_start_ms, at_us);
    events.insert(place, Event { n: 0, at_us, what });
    Some(())
}

/// The request behind a post, as its pod answers it.
fn told(only: &Only, cold_start_ms: Option<u64>, asked_us: u64) -> What {
    What::Client(ClientEvent::Routed(Box::new(Routed {
        entry: ENTRY.into(),
        method: "POST".into(),
        path: format!("/v1/threads/{}/messages", only.thread),
        asked_us,
        status: Some(202),
        pod: Some(only.pod.clone()),
        cold_start_ms,
        ..Routed::default()
    })))
}

/// Puts an event in behind all others of its time or before.
fn add(events: &mut Vec<Event>, at_us: u64, what: What) {
    let later = events.iter().position(|event| event.at_us > at_us);
    let place = later.unwrap_or(events.len());
    events.insert(place, Event { n: 0, at_us, what });
}
