//! One toxic on one direction of one connection: its behaviour, and what it has passed on that is not yet due.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::{Cut, Item, Tally, ToxicId, cut, delay, stop};
use crate::model::{Attributes, ToxicSpec};

/// Bytes that a stage may hold before no more is read, unless its behaviour needs more.
pub(super) const ROOM_BYTES: usize = 256 << 10;
/// When something is due that is not due at any time.
const NEVER: Duration = Duration::MAX;

/// What a type of toxic does.
pub(super) trait Behaviour: fmt::Debug + Send {
    /// It begins to work on the connection.
    fn begin(&mut self, _out: &mut Out) {}
    /// An item came in.
    fn accept(&mut self, item: Item, out: &mut Out) {
        out.pass(item);
    }
    /// When it wants [`Behaviour::ring`] to be called.
    fn alarm(&self) -> Option<Duration> {
        None
    }
    /// Its alarm rings.
    fn ring(&mut self, _out: &mut Out) {}
    /// It changes and goes on: what it holds back itself goes out.
    fn let_go(&mut self, _out: &mut Out) {}
    /// It stops to work on the connection: as [`Behaviour::let_go`], and what must follow from its absence.
    fn leave(&mut self, out: &mut Out) {
        self.let_go(out);
    }
    /// Whether the direction stands still.
    fn holds(&self) -> bool {
        false
    }
    /// Bytes that may be held before no more is read.
    fn room_bytes(&self) -> usize {
        ROOM_BYTES
    }
    /// Bytes that count for a limit.
    fn passed_bytes(&self) -> u64 {
        0
    }
}

/// Where a behaviour puts what it passes on, and what it says of itself.
pub(super) struct Out<'a> {
    /// What time it is.
    pub(super) at: Duration,
    /// Chance.
    pub(super) rng: &'a mut StdRng,
    queue: &'a mut Queue,
    tally: &'a mut Tally,
    urgent: &'a mut Option<Cut>,
}

impl Out<'_> {
    /// Passes an item on now, or as soon as what came before it is due.
    pub(super) fn pass(&mut self, item: Item) {
        self.pass_at(self.at, item);
    }

    /// Passes an item on at that time, or as soon as what came before it is due.
    pub(super) fn pass_at(&mut self, due: Duration, item: Item) {
        self.queue.push(due, item);
    }

    /// Keeps an item for as long as the toxic is there.
    pub(super) fn keep(&mut self, item: Item) {
        self.queue.push(NEVER, item);
    }

    /// Something came of the toxic.
    pub(super) fn affected(&mut self, bytes: usize) {
        let first = self.tally.span.map_or(self.at, |(first, _)| first);
        self.tally.span = Some((first, self.at));
        self.tally.times += 1;
        self.tally.bytes += bytes as u64;
    }

    /// The end of the connection, behind what has been passed on.
    pub(super) fn cut(&mut self, cut: Cut, dropped: usize) {
        self.affected(dropped);
        self.pass(Item::Cut(cut));
    }

    /// The end of the connection, whatever is still on its way: the receiver may have stopped to read.
    pub(super) fn cut_now(&mut self, cut: Cut, dropped: usize) {
        self.affected(dropped);
        *self.urgent = Some(cut);
    }
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<(Duration, Item)>,
    bytes: usize,
}

impl Queue {
    fn push(&mut self, due: Duration, item: Item) {
        let due = self.items.back().map_or(due, |(before, _)| due.max(*before));
        self.bytes += length(&item);
        self.items.push_back((due, item));
    }

    fn pop(&mut self) -> Option<Item> {
        let (_, item) = self.items.pop_front()?;
        self.bytes -= length(&item);
        Some(item)
    }

    fn all_due(&mut self, at: Duration) {
        for (due, _) in &mut self.items {
            *due = at;
        }
    }
}

pub(super) fn length(item: &Item) -> usize {
    match item {
        Item::Data(bytes) => bytes.len(),
        Item::End | Item::Cut(_) => 0,
    }
}

/// A toxic in a pipeline.
#[derive(Debug)]
pub(super) struct Stage {
    id: ToxicId,
    /// None where its toxicity spares this connection.
    behaviour: Option<Box<dyn Behaviour>>,
    queue: Queue,
    tally: Tally,
    told: bool,
    urgent: Option<Cut>,
}

impl Stage {
    pub(super) fn new(id: ToxicId) -> Self {
        Self {
            id,
            behaviour: None,
            queue: Queue::default(),
            tally: Tally::default(),
            told: false,
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
        self.behaviour.is_none() && self.queue.items.is_empty()
    }

    pub(super) fn holds(&self) -> bool {
        self.behaviour.as_ref().is_some_and(|behaviour| behaviour.holds())
    }

    pub(super) fn has_room(&self) -> bool {
        let room = self
            .behaviour
            .as_ref()
            .map_or(ROOM_BYTES, |behaviour| behaviour.room_bytes());
        self.queue.bytes < room
    }

    /// Takes on what the toxic is from now on; draws whether it works here.
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
                // The end of the connection, once decided, is nobody's to delay, and stands behind the data before it.
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

    /// When there is something to do for it.
    pub(super) fn due(&self) -> Option<Duration> {
        let alarm = self.behaviour.as_ref().and_then(|behaviour| behaviour.alarm());
        let front = self.queue.items.front().map(|(due, _)| *due);
        alarm.into_iter().chain(front).filter(|due| *due != NEVER).min()
    }

    pub(super) fn take_due(&mut self, at: Duration) -> Option<Item> {
        let (due, _) = self.queue.items.front()?;
        (*due <= at).then(|| self.queue.pop()).flatten()
    }

    pub(super) fn take_any(&mut self) -> Option<Item> {
        self.queue.pop()
    }

    pub(super) fn take_tally(&mut self) -> Option<(ToxicId, Tally)> {
        self.tally.span?;
        let mut tally = std::mem::take(&mut self.tally);
        tally.first_here = !std::mem::replace(&mut self.told, true);
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

/// The behaviour of a toxic that has passed so many bytes already.
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
        Attributes::LimitData(limit) => Box::new(cut::Limited::new(*limit, passed)),
        Attributes::CutInside(inside) => cut::inside(inside),
    }
}

#[derive(Debug)]
struct Nothing;

impl Behaviour for Nothing {}

/// The first `at` bytes, and the rest.
pub(super) fn split(mut bytes: Bytes, at: usize) -> (Bytes, Bytes) {
    let rest = bytes.split_off(at.min(bytes.len()));
    (bytes, rest)
}
