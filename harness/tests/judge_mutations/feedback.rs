//! Corruptions of feedback: what is stored of it, and what its clients were told.

use crosspod::history::{ClientEvent, Event, FeedbackId, Outcome, PodEvent, Row, StoreEvent, What};
use rand::rngs::StdRng;

use super::{Kind, any, insert_behind, places};

pub(crate) const KINDS: &[Kind] = &[
    ("acknowledged feedback is not stored", lose, &["SpoolExactlyOnce"]),
    ("feedback is stored twice", store_twice, &["SpoolExactlyOnce"]),
    ("refused feedback is stored", refuse, &["SpoolExactlyOnce"]),
    ("a pod miscounts feedback", miscount, &["SpoolExactlyOnce"]),
];

/// Rows of feedback that the history also tells the giving of.
fn stored(events: &[Event]) -> Vec<usize> {
    places(events, |what| {
        matches!(
            what,
            What::Store(StoreEvent::Row {
                row: Row::Feedback { .. },
                ..
            })
        )
    })
}

fn lose(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let place = any(&stored(events), rng)?;
    events.remove(place);
    Some(())
}

fn store_twice(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let place = any(&stored(events), rng)?;
    let again = events[place].what.clone();
    insert_behind(events, place, again);
    Some(())
}

fn item_of(what: &What) -> Option<FeedbackId> {
    match what {
        What::Store(StoreEvent::Row {
            row: Row::Feedback { item },
            ..
        }) => Some(item.clone()),
        _ => None,
    }
}

/// Turns the answer to a stored item's only post into a refusal.
fn refuse(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let item = item_of(&events[any(&stored(events), rng)?].what)?;
    let ops: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.what {
            What::Client(ClientEvent::FeedbackPosted { op, item: of, .. }) if *of == item => Some(*op),
            _ => None,
        })
        .collect();
    for event in events {
        if let What::Client(ClientEvent::FeedbackEnded { op, outcome }) = &mut event.what
            && ops.contains(op)
        {
            let reason = r#"{"error":{"code":"no_room"}}"#.into();
            *outcome = Outcome::Failed { status: 503, reason };
        }
    }
    Some(())
}

fn miscount(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let counts = places(events, |what| {
        matches!(what, What::Pod(PodEvent::FeedbackCounted { .. }))
    });
    let place = any(&counts, rng)?;
    if let What::Pod(PodEvent::FeedbackCounted { count, .. }) = &mut events[place].what {
        *count += 1;
    }
    Some(())
}
