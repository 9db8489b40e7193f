//! The behaviour of a toxic: how it reacts to each item, and the queue of what it has passed on.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;

use super::item::{Cut, Item, Tally};

/// Bytes that a stage may hold before no more is read, unless its behaviour needs more room.
pub(super) const ROOM_BYTES: usize = 256 << 10;
/// Bytes that may be on their way at once if all of them are late: a second of 250 Mbit/s.
pub(super) const ROOM_LATE_BYTES: usize = 32 << 20;
/// Due time of an item that is kept.
const NEVER: Duration = Duration::MAX;

/// One type of toxic, at work on one connection.
pub(super) trait Behaviour: fmt::Debug + Send {
    /// Begins to work on the connection.
    fn begin(&mut self, _out: &mut Out) {}
    /// Takes an item that came in.
    fn accept(&mut self, item: Item, out: &mut Out) {
        out.pass(item);
    }
    /// The time at which [`Behaviour::ring`] is to be called.
    fn alarm(&self) -> Option<Duration> {
        None
    }
    /// Is called when the alarm is due.
    fn ring(&mut self, _out: &mut Out) {}
    /// Passes on what it holds back: its attributes are about to change.
    fn let_go(&mut self, _out: &mut Out) {}
    /// Stops to work on the connection: like [`Behaviour::let_go`], plus what must follow from its absence.
    fn leave(&mut self, out: &mut Out) {
        self.let_go(out);
    }
    /// True if the direction stands still.
    fn holds(&self) -> bool {
        false
    }
    /// True if everything that comes in is held back, to be delivered later whatever becomes of its sender.
    fn holds_back(&self) -> bool {
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

/// The output of a behaviour: the items that it passes on, and the account of its effects.
pub(super) struct Out<'a> {
    /// The current time.
    pub(super) at: Duration,
    /// The source of chance.
    pub(super) rng: &'a mut StdRng,
    pub(super) queue: &'a mut Queue,
    pub(super) tally: &'a mut Tally,
    pub(super) urgent: &'a mut Option<Cut>,
}

impl Out<'_> {
    /// Passes an item on now, or as soon as the items before it are due.
    pub(super) fn pass(&mut self, item: Item) {
        self.pass_at(self.at, item);
    }

    /// Passes an item on at that time, or as soon as the items before it are due.
    pub(super) fn pass_at(&mut self, due: Duration, item: Item) {
        self.queue.push(due, item);
    }

    /// Keeps an item for as long as the toxic is there.
    pub(super) fn keep(&mut self, item: Item) {
        self.queue.push(NEVER, item);
    }

    /// Counts an effect of the toxic.
    pub(super) fn affected(&mut self, bytes: usize) {
        let first = self.tally.span.map_or(self.at, |(first, _)| first);
        self.tally.span = Some((first, self.at));
        self.tally.times += 1;
        self.tally.bytes += bytes as u64;
    }

    /// Ends the connection, behind everything that has been passed on.
    pub(super) fn cut(&mut self, cut: Cut, dropped: usize) {
        self.affected(dropped);
        self.pass(Item::Cut(cut));
    }

    /// Ends the connection at once, whatever is still on its way: the receiver may have stopped to read.
    pub(super) fn cut_now(&mut self, cut: Cut, dropped: usize) {
        self.affected(dropped);
        *self.urgent = Some(cut);
    }
}

/// Items on their way, in order, each with the time at which it is due.
#[derive(Debug, Default)]
pub(super) struct Queue {
    items: VecDeque<(Duration, Item)>,
    bytes: usize,
}

impl Queue {
    /// Adds an item, which is never due before the one in front of it.
    pub(super) fn push(&mut self, due: Duration, item: Item) {
        let due = self.items.back().map_or(due, |(before, _)| due.max(*before));
        self.bytes += item.length();
        self.items.push_back((due, item));
    }

    pub(super) fn pop(&mut self) -> Option<Item> {
        let (_, item) = self.items.pop_front()?;
        self.bytes -= item.length();
        Some(item)
    }

    /// The first item, if it is due by then.
    pub(super) fn pop_due(&mut self, at: Duration) -> Option<Item> {
        let (due, _) = self.items.front()?;
        (*due <= at).then(|| self.pop()).flatten()
    }

    /// The time at which the first item is due. None if it is kept, or there is none.
    pub(super) fn due(&self) -> Option<Duration> {
        let (due, _) = self.items.front()?;
        (*due != NEVER).then_some(*due)
    }

    /// Makes every item due at that time, those that were kept included.
    pub(super) fn all_due(&mut self, at: Duration) {
        for (due, _) in &mut self.items {
            *due = at;
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

/// The first `at` bytes, and the rest.
pub(super) fn split(mut bytes: Bytes, at: usize) -> (Bytes, Bytes) {
    let rest = bytes.split_off(at.min(bytes.len()));
    (bytes, rest)
}
