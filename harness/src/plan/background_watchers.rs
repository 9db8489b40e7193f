//! The visits of background watchers: attaches at places of the stream where a resumption may go wrong.
//!
//! The plan settles everything but the head of the stream, which is known only while the play is on.

use rand::rngs::StdRng;
use rand::{
    RngExt as _,
    seq::{IndexedRandom as _, SliceRandom as _},
};
use serde::{Deserialize, Serialize};

use crate::history::CursorForm;

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
/// Least stay of a visitor with a cursor that must be answered at once, in milliseconds.
const ANSWER_MS: u16 = 400;
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
    /// How it gives that cursor, where the system takes it so.
    #[serde(default, skip_serializing_if = "CursorForm::is_header")]
    pub form: CursorForm,
    /// How it reads.
    pub manner: Manner,
    /// How long it stays, in milliseconds. A visit whose place [is due a resync](Place::is_due_a_resync) goes on until it is
    /// answered.
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
    /// The frame that would come right behind the head. No watcher has been given it.
    PastHead,
    /// A frame of another thread, with the head's numbers.
    Foreign,
    /// An attempt that never was.
    NeverWas,
    /// An attempt and a frame with numbers that no stream reaches.
    FarFuture,
    /// A text that is no cursor at all.
    Nonsense,
}

impl Place {
    /// True for a well-formed cursor of no place in the thread: whether anything is in flight or not, a resync answers it, and
    /// silence is a fault.
    pub fn is_due_a_resync(self) -> bool {
        matches!(self, Self::Foreign | Self::NeverWas | Self::FarFuture)
    }

    /// True for a cursor that no watcher was given. Only a system that can tell a client to start over says what becomes of it.
    pub fn is_made_up(self) -> bool {
        self.is_due_a_resync() || matches!(self, Self::PastHead | Self::Nonsense)
    }
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
    /// Draws the visits to `pods` pods; `cursors` is the chance of the lane that gives cursors of every form.
    pub(super) fn draw(chance: &mut StdRng, cursors: &mut StdRng, pods: usize) -> Self {
        let mut lane = || (0..VISITS).map(|_| Visit::draw(chance, pods)).collect();
        let mut lanes: Vec<Vec<Visit>> = (0..LANES).map(|_| lane()).collect();
        lanes.push(every_form(cursors, pods));
        Self { lanes }
    }
}

/// One visit with a cursor of every form and of every kind that is no place of the thread, in any order.
fn every_form(chance: &mut StdRng, pods: usize) -> Vec<Visit> {
    use CursorForm::{After, AfterBesideEmptyHeader, LastEventId};
    use Place::{Behind, FarFuture, Foreign, Head, NeverWas, Nonsense};
    let forms = [LastEventId, After, AfterBesideEmptyHeader];
    let strange = [Foreign, NeverWas, FarFuture, Nonsense];
    let strange = strange.map(|from| (from, *forms.choose(chance).unwrap_or(&LastEventId)));
    let mut sent = vec![
        (Behind(2), After),
        (Head, After),
        (Behind(2), AfterBesideEmptyHeader),
        (Head, AfterBesideEmptyHeader),
    ];
    sent.extend(strange);
    sent.shuffle(chance);
    let visit = |(from, form)| Visit {
        rest_ms: chance.random_range(REST_MS.0..REST_MS.1),
        pod: chance.random_range(0..pods),
        from,
        form,
        manner: Manner::Eager,
        stay_ms: ANSWER_MS,
    };
    sent.into_iter().map(visit).collect()
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
            form: CursorForm::default(),
            manner,
            stay_ms: if stays_long { LONG_STAY.1 } else { stay_ms },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::plan::seed::rng;

    fn drawn() -> BackgroundVisits {
        BackgroundVisits::draw(&mut rng(7, "restless"), &mut rng(7, "cursors"), 3)
    }

    #[test]
    fn a_lane_gives_each_form_of_a_cursor_once_and_each_that_is_no_place() {
        let drawn = drawn();
        assert_eq!(drawn.lanes.len(), LANES + 1);
        let lane = &drawn.lanes[LANES];
        assert_eq!(lane.len(), 8);
        let has = |from, form| lane.iter().any(|visit| (visit.from, visit.form) == (from, form));
        for form in [CursorForm::After, CursorForm::AfterBesideEmptyHeader] {
            assert!(has(Place::Behind(2), form) && has(Place::Head, form), "{form:?}");
        }
        for strange in [Place::Foreign, Place::NeverWas, Place::FarFuture, Place::Nonsense] {
            assert!(lane.iter().any(|visit| visit.from == strange), "{strange:?}");
        }
        let due: Vec<_> = lane.iter().filter(|visit| visit.from.is_due_a_resync()).collect();
        assert_eq!(due.len(), 3);
        assert_eq!(lane.iter().filter(|visit| visit.from.is_made_up()).count(), 4);
        assert!(Place::PastHead.is_made_up() && !Place::Head.is_made_up() && !Place::Anew.is_made_up());
        let written = serde_json::to_string(&drawn).expect("a plan is written");
        assert_eq!(
            written.matches("\"form\":\"after\"").count() + written.matches("\"form\":\"after-beside").count(),
            lane.iter().filter(|visit| !visit.form.is_header()).count()
        );
        let read: BackgroundVisits = serde_json::from_str(&written).expect("a plan is read");
        assert_eq!(read, drawn);
    }

    #[test]
    fn a_plan_holds_every_kind_of_visit_and_no_more_than_sixty() {
        let visits: Vec<Visit> = drawn().lanes[..LANES].concat();
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
