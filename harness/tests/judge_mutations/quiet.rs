//! Corruptions of quiet times: what a pod does when nobody asks anything, what a tail shows while the provider is silent, and how a
//! session fares that comes back beside its own tail.

use std::collections::BTreeMap;

use crosspod::history::{Chunk, Event, MachineEvent, ProviderWhat, RunEvent, TailMode, WatcherEvent, WatcherId, What};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use super::{Kind, any, places};

pub(crate) const KINDS: &[Kind] = &[
    ("a pod runs without work", burn, &["BoundedIdleWork"]),
    ("a word is shown only when more follows it", show_late, &["ShownInTime"]),
    (
        "a session is turned away beside its own tail",
        turn_away,
        &["ReattachAllowed"],
    ),
];

/// Quiet time behind which no pod has anything left to do, in microseconds.
const LONG_US: u64 = 4_500_000;

/// Time in which a word that the provider has said is shown, in microseconds. Who comes later has more time than the bound.
const SOON_US: u64 = 100_000;

/// The longest stretch without an event that is more than a look at the machine: its begin and its end.
fn quiet(events: &[Event]) -> Option<(u64, u64)> {
    let active = events.iter().filter(|event| !matches!(event.what, What::Machine(_)));
    let active: Vec<u64> = active.map(|event| event.at_us).collect();
    let stretches = active.windows(2).map(|pair| (pair[0], pair[1]));
    stretches
        .max_by_key(|(from, until)| until.saturating_sub(*from))
        .filter(|(from, until)| until.saturating_sub(*from) >= LONG_US)
}

fn burn(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let (from_us, until_us) = quiet(events)?;
    let pods = events.iter().find_map(|event| match &event.what {
        What::Run(RunEvent::Began(began)) => Some(began.pods.clone()),
        _ => None,
    })?;
    let pod = pods.choose(rng)?;
    let mut seen = None;
    for event in events
        .iter_mut()
        .filter(|event| (from_us..until_us).contains(&event.at_us))
    {
        if let What::Machine(MachineEvent::Cpu(load)) = &mut event.what {
            let used = load.parts.get_mut(pod.as_str())?;
            used.ran_us = load.over_us / 3;
            seen = Some(());
        }
    }
    seen
}

/// A silence of the provider that outlasts the bound: the time until which whoever watched at its
/// begin is shown the last word before it, the bound's end, and that word.
fn silence(events: &[Event]) -> Option<(u64, u64, String)> {
    let bound_us = events.iter().find_map(|event| match &event.what {
        What::Run(RunEvent::Began(began)) => Some(began.bounds.shown_ms? * 1000),
        _ => None,
    })?;
    let mut held = BTreeMap::new();
    for event in events {
        let What::Provider(told) = &event.what else { continue };
        match &told.what {
            ProviderWhat::Held { after, .. } if *after > 0 => {
                let word = format!("~{}.c{}.k{after}.", told.key, told.ordinal);
                held.insert(told.call, (event.at_us, word));
            }
            ProviderWhat::Ended { .. } => {
                let Some((from_us, word)) = held.remove(&told.call) else {
                    continue;
                };
                let by_us = from_us + bound_us + 2 * SOON_US;
                return (event.at_us > by_us).then_some((from_us + SOON_US, by_us, word));
            }
            _ => {}
        }
    }
    None
}

fn show_late(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let (soon_us, by_us, word) = silence(events)?;
    // A watcher who stays.
    let closes: BTreeMap<WatcherId, u64> = events.iter().filter_map(close).collect();
    let shows = |event: &Event| match &event.what {
        What::Watcher(WatcherEvent::Frame {
            watcher,
            chunk: Chunk::Delta { text, .. },
            ..
        }) => text.contains(&word) && event.at_us < soon_us && closes.get(watcher).is_none_or(|us| *us > by_us),
        _ => false,
    };
    let frames: Vec<usize> = (0..events.len()).filter(|place| shows(&events[*place])).collect();
    let mut late = events.remove(any(&frames, rng)?);
    late.at_us = by_us;
    let place = events.partition_point(|event| event.at_us <= by_us);
    events.insert(place, late);
    Some(())
}

fn close(event: &Event) -> Option<(WatcherId, u64)> {
    match &event.what {
        What::Watcher(WatcherEvent::TailClosed { watcher, .. }) => Some((*watcher, event.at_us)),
        _ => None,
    }
}

fn turn_away(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let is_broken = |event: &Event| matches!(event.what, What::Fault(_));
    let is_revoked = |event: &Event| event.what.kind() == "revoked";
    if events.iter().any(|event| is_broken(event) || is_revoked(event)) {
        return None;
    }
    let opened = places(events, |what| {
        matches!(
            what,
            What::Watcher(WatcherEvent::TailOpened {
                mode: TailMode::Start,
                turn: None,
                asked_us: 1..,
                ..
            })
        )
    });
    let whose = |place: usize| match &events[place].what {
        What::Watcher(WatcherEvent::TailOpened { session, thread, .. }) => session.map(|session| (session, thread)),
        _ => None,
    };
    let again = |place: &usize| {
        let mut before = opened.iter().take_while(|other| *other < place);
        whose(*place).is_some_and(|own| before.any(|other| whose(*other) == Some(own)))
    };
    let again: Vec<usize> = opened.iter().copied().filter(|place| again(place)).collect();
    let place = any(&again, rng)?;
    let What::Watcher(WatcherEvent::TailOpened {
        watcher,
        pod,
        thread,
        asked_us,
        session,
        form,
        ..
    }) = events[place].what.clone()
    else {
        return None;
    };
    events[place].what = What::Watcher(WatcherEvent::TailRefused {
        watcher,
        pod,
        thread,
        cursor: None,
        form,
        asked_us,
        session,
        turn: None,
        status: Some(409),
        reason: "status 409: a tail of this session is open".into(),
        garbled: false,
    });
    let is_its = |what: &What| match what {
        What::Watcher(
            WatcherEvent::Bytes { watcher: of, .. }
            | WatcherEvent::Frame { watcher: of, .. }
            | WatcherEvent::TailClosed { watcher: of, .. },
        ) => *of == watcher,
        _ => false,
    };
    events.retain(|event| !is_its(&event.what));
    Some(())
}
