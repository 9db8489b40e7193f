//! One toxic on one direction of one connection: its behaviour, and what it has passed on that is not yet due.
//!
//! The only file that knows every type of toxic.

use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;

use super::behaviour::{Behaviour, Out, Queue, ROOM_BYTES};
use super::item::{Cut, Item, Tally, ToxicId};
use super::{cut, delay, stop};
use crate::model::{Attributes, ToxicSpec};

/// A toxic in a pipeline.
#[derive(Debug)]
pub(super) struct Stage {
    id: ToxicId,
    /// None if its toxicity spares this connection.
    behaviour: Option<Box<dyn Behaviour>>,
    queue: Queue,
    tally: Tally,
    /// True once an effect on this connection has been counted.
    is_counted: bool,
    urgent: Option<Cut>,
}

impl Stage {
    pub(super) fn new(id: ToxicId) -> Self {
        Self {
            id,
            behaviour: None,
            queue: Queue::default(),
            tally: Tally::default(),
            is_counted: false,
            urgent: None,
        }
    }

    pub(super) fn id(&self) -> ToxicId {
        self.id
    }

    /// The end of the connection that waits for nothing.
    pub(super) fn urgent(&self) -> Option<Cut> {
        self.urgent
    }

    pub(super) fn is_transparent(&self) -> bool {
        self.behaviour.is_none() && self.queue.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn holds(&self) -> bool {
        self.behaviour.as_ref().is_some_and(|behaviour| behaviour.holds())
    }

    pub(super) fn holds_back(&self) -> bool {
        self.behaviour.as_ref().is_some_and(|behaviour| behaviour.holds_back())
    }

    pub(super) fn has_room(&self) -> bool {
        let room = self
            .behaviour
            .as_ref()
            .map_or(ROOM_BYTES, |behaviour| behaviour.room_bytes());
        self.queue.bytes() < room
    }

    /// Takes on the toxic's attributes, and draws from its toxicity if it works on this connection.
    pub(super) fn set(&mut self, at: Duration, toxic: &ToxicSpec, rng: &mut StdRng) -> bool {
        let works = rng.random::<f32>() < toxic.toxicity;
        let passed = self.behaviour.as_ref().map_or(0, |old| old.passed_bytes());
        if works {
            self.with_old(at, rng, |old, out| old.let_go(out));
            self.queue.all_due(at);
            self.behaviour = Some(behaviour(&toxic.attributes, passed));
            self.with(at, rng, |new, out| new.begin(out));
        } else {
            self.leave(at, rng);
        }
        works
    }

    /// Stops to work on the connection; everything held back is due.
    pub(super) fn leave(&mut self, at: Duration, rng: &mut StdRng) {
        self.with_old(at, rng, |old, out| old.leave(out));
        self.queue.all_due(at);
    }

    pub(super) fn accept(&mut self, at: Duration, item: Item, rng: &mut StdRng) {
        if self.behaviour.is_none() {
            self.queue.push(at, item);
        } else {
            self.with(at, rng, |behaviour, out| match item {
                // No toxic may delay the end of the connection once it is decided. It stands behind the data before it.
                Item::Cut(_) if !behaviour.holds() => out.pass(item),
                item => behaviour.accept(item, out),
            });
        }
    }

    pub(super) fn ring(&mut self, at: Duration, rng: &mut StdRng) {
        let rings = self.behaviour.as_ref().and_then(|behaviour| behaviour.alarm());
        if rings.is_some_and(|alarm| alarm <= at) {
            self.with(at, rng, |behaviour, out| behaviour.ring(out));
        }
    }

    /// The time at which the stage has something to do.
    pub(super) fn due(&self) -> Option<Duration> {
        let alarm = self.behaviour.as_ref().and_then(|behaviour| behaviour.alarm());
        alarm.into_iter().chain(self.queue.due()).min()
    }

    pub(super) fn take_due(&mut self, at: Duration) -> Option<Item> {
        self.queue.pop_due(at)
    }

    pub(super) fn take_any(&mut self) -> Option<Item> {
        self.queue.pop()
    }

    pub(super) fn take_tally(&mut self) -> Option<(ToxicId, Tally)> {
        self.tally.span?;
        let mut tally = std::mem::take(&mut self.tally);
        tally.first_here = !std::mem::replace(&mut self.is_counted, true);
        Some((self.id, tally))
    }

    fn with(&mut self, at: Duration, rng: &mut StdRng, act: impl FnOnce(&mut dyn Behaviour, &mut Out)) {
        if let Some(behaviour) = &mut self.behaviour {
            let mut out = Out {
                at,
                rng,
                queue: &mut self.queue,
                tally: &mut self.tally,
                urgent: &mut self.urgent,
            };
            act(behaviour.as_mut(), &mut out);
        }
    }

    fn with_old(&mut self, at: Duration, rng: &mut StdRng, act: impl FnOnce(&mut dyn Behaviour, &mut Out)) {
        self.with(at, rng, act);
        self.behaviour = None;
    }
}

/// Makes the behaviour of a toxic that has already passed so many bytes.
fn behaviour(attributes: &Attributes, passed: u64) -> Box<dyn Behaviour> {
    match attributes {
        Attributes::Noop(_) => Box::new(Nothing),
        Attributes::Latency(latency) => Box::new(delay::Late::new(*latency)),
        Attributes::Bandwidth(bandwidth) => Box::new(delay::Narrow::new(*bandwidth)),
        Attributes::Slicer(slicer) => Box::new(delay::Sliced::new(*slicer)),
        Attributes::SlowClose(slow) => Box::new(delay::SlowEnd::new(*slow)),
        Attributes::Timeout(timeout) => Box::new(stop::BlackHole::new(*timeout)),
        Attributes::ResetPeer(reset) => Box::new(stop::Reset::new(*reset)),
        Attributes::HalfOpen(_) => Box::new(stop::Silence),
        Attributes::Down(_) => Box::new(stop::Ended),
        Attributes::Hold(_) => Box::new(stop::HeldBack),
        Attributes::PacketLoss(loss) => Box::new(stop::Lossy::new(*loss)),
        Attributes::LimitData(limit) => Box::new(cut::Limited::new(*limit, passed)),
        Attributes::CutInside(inside) => cut::inside(inside),
    }
}

/// The no-op toxic: every item passes.
#[derive(Debug)]
struct Nothing;

impl Behaviour for Nothing {}
