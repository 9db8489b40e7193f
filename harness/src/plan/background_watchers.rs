//! The visits of background watchers: attaches at places of the stream where a resumption may go wrong.
//!
//! The plan settles everything but the head of the stream, which is known only while the play is on.

use rand::rngs::StdRng;
use rand::{RngExt as _, seq::IndexedRandom as _};
use serde::{Deserialize, Serialize};

/// Visitors that are there at once, at most.
const LANES: usize = 2;
/// Visits of each lane in one play, at most.
const VISITS: usize = 30;
/// Longest and shortest pause between two visits of a lane, in milliseconds.
const REST_MS: (u16, u16) = (60, 160);
/// Longest and shortest stay, in milliseconds.
const STAY_MS: (u16, u16) = (20, 500);
/// Stay of one visitor in so many, in milliseconds: long enough for the judge to hold silence against the pod.
const LONG_STAY: (u32, u16) = (8, 2000);
/// Bytes after which a visitor vanishes: from inside the first frame to some tens of frames on.
const VANISHES_AFTER: (u16, u16) = (20, 3000);

/// The background watchers of one play: visits one after the other, in lanes that know nothing of each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackgroundVisits {
    /// Visits by lane, in their order.
    pub lanes: Vec<Vec<Visit>>,
}

/// One attach, from its request to its leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// How long the lane rests before it, in milliseconds.
    pub rest_ms: u16,
    /// Index of the pod's role.
    pub pod: usize,
    /// The cursor that it resumes from.
    pub from: Place,
    /// How it reads.
    pub manner: Manner,
    /// How long it stays at most, in milliseconds.
    pub stay_ms: u16,
}

/// A place near the head of a stream: the last frame that any watcher has been shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// No cursor.
    Anew,
    /// So many frames behind the head.
    Behind(u8),
    /// The head.
    Head,
    /// The frame that would come right behind the head; nobody has been given it.
    PastHead,
}

/// How a watcher reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    /// As fast as it can.
    #[default]
    Eager,
    /// A few bytes at a time, with little room for what it has not read.
    Slow {
        /// Bytes a read.
        bytes: u8,
        /// Pause after each read, in milliseconds.
        pause_ms: u8,
    },
    /// As fast as it can until it drops the connection, wherever in a frame that is.
    Vanishing {
        /// Bytes of the stream that it takes before.
        after_bytes: u16,
    },
}

impl BackgroundVisits {
    /// Draws the visits to `pods` pods.
    pub(super) fn draw(chance: &mut StdRng, pods: usize) -> Self {
        let mut lane = || (0..VISITS).map(|_| Visit::draw(chance, pods)).collect();
        Self {
            lanes: (0..LANES).map(|_| lane()).collect(),
        }
    }
}

impl Visit {
    fn draw(chance: &mut StdRng, pods: usize) -> Self {
        use Place::{Anew, Behind, Head, PastHead};
        let places = [Anew, Behind(1), Behind(2), Behind(3), Head, Head, PastHead, PastHead];
        let manner = match chance.random_range(0..4) {
            0 => Manner::Slow {
                bytes: chance.random_range(8..64),
                pause_ms: chance.random_range(2..8),
            },
            1 => Manner::Vanishing {
                after_bytes: chance.random_range(VANISHES_AFTER.0..VANISHES_AFTER.1),
            },
            _ => Manner::Eager,
        };
        let stays_long = manner == Manner::Eager && chance.random_ratio(1, LONG_STAY.0);
        let stay_ms = chance.random_range(STAY_MS.0..STAY_MS.1);
        Self {
            rest_ms: chance.random_range(REST_MS.0..REST_MS.1),
            pod: chance.random_range(0..pods),
            from: *places.choose(chance).unwrap_or(&Anew),
            manner,
            stay_ms: if stays_long { LONG_STAY.1 } else { stay_ms },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_plan_holds_every_kind_of_visit_and_no_more_than_sixty() {
        let drawn = BackgroundVisits::draw(&mut crate::plan::seed::rng(7, "restless"), 3);
        let visits: Vec<Visit> = drawn.lanes.concat();
        assert!(visits.len() <= 60);
        assert_eq!(visits.iter().map(|visit| visit.pod).collect::<BTreeSet<_>>().len(), 3);
        let has = |which: fn(&Visit) -> bool| visits.iter().any(which);
        assert!(has(|visit| matches!(visit.manner, Manner::Slow { .. })));
        assert!(has(|visit| matches!(visit.manner, Manner::Vanishing { .. })));
        assert!(has(|visit| visit.stay_ms == LONG_STAY.1));
        for place in [
            Place::Anew,
            Place::Behind(1),
            Place::Behind(3),
            Place::Head,
            Place::PastHead,
        ] {
            assert!(visits.iter().any(|visit| visit.from == place), "{place:?}");
        }
        // A slow reader is gone before anybody can hold its own slowness against the pod.
        assert!(
            visits
                .iter()
                .all(|visit| visit.manner == Manner::Eager || visit.stay_ms < STAY_MS.1)
        );
    }
}
