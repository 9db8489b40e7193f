//! The way of the bytes in one direction of one connection: a chain of stages, one for each toxic, in their order.
//!
//! Pure: no socket and no clock. Every call gives the time since the process began; [`Pipeline::next`] returns the next
//! step, or the time until which there is none. Chance comes from the seed that the pipeline was made with.

mod behaviour;
mod cut;
mod delay;
mod item;
mod stage;
mod stop;

use std::collections::VecDeque;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use behaviour::ROOM_BYTES;
pub(crate) use item::{Cut, Item, Next, Tally, ToxicId};
use stage::Stage;

use crate::model::ToxicSpec;

/// One direction of one connection.
#[derive(Debug)]
pub(crate) struct Pipeline {
    stages: Vec<Stage>,
    output: VecDeque<Item>,
    output_bytes: usize,
    /// The stream or the connection has ended for the receiver.
    ended: bool,
    rng: StdRng,
}

impl Pipeline {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            stages: Vec::new(),
            output: VecDeque::new(),
            output_bytes: 0,
            ended: false,
            rng: StdRng::seed_from_u64(seed),
        }
    }

    /// True if bytes may as well go past it.
    pub(crate) fn is_transparent(&self) -> bool {
        self.output.is_empty() && self.stages.iter().all(Stage::is_transparent)
    }

    /// True if the direction stands still, with its sockets kept whatever happens to them.
    pub(crate) fn holds(&self) -> bool {
        self.stages.iter().any(Stage::holds)
    }

    /// True if what its sender has sent is held back, to be delivered whatever becomes of the sender.
    pub(crate) fn holds_back(&self) -> bool {
        self.stages.iter().any(Stage::holds_back)
    }

    /// True if nothing is on its way.
    pub(crate) fn is_empty(&self) -> bool {
        self.output.is_empty() && self.stages.iter().all(Stage::is_empty)
    }

    /// True if more may be put in now: the stages have room, and none stands still.
    pub(crate) fn wants_more(&self) -> bool {
        self.output_bytes < ROOM_BYTES && self.stages.iter().all(|stage| !stage.holds() && stage.has_room())
    }

    /// Adds a stage at the end. Returns true if the toxic works on this connection, which its toxicity decides.
    pub(crate) fn add(&mut self, at: Duration, id: ToxicId, toxic: &ToxicSpec) -> bool {
        let mut stage = Stage::new(id);
        let works = stage.set(at, toxic, &mut self.rng);
        self.stages.push(stage);
        self.advance(at);
        works
    }

    /// Changes a stage; what it held back goes on. Returns true if the toxic works on this connection from now on.
    pub(crate) fn change(&mut self, at: Duration, id: ToxicId, toxic: &ToxicSpec) -> bool {
        let Some(n) = self.place(id) else { return false };
        let works = self.stages[n].set(at, toxic, &mut self.rng);
        self.advance(at);
        works
    }

    /// Removes a stage; what it held back goes on.
    pub(crate) fn remove(&mut self, at: Duration, id: ToxicId) {
        let Some(n) = self.place(id) else { return };
        let mut stage = self.stages.remove(n);
        stage.leave(at, &mut self.rng);
        while let Some(item) = stage.take_any() {
            self.hand_on(at, n, item);
        }
        self.advance(at);
    }

    /// Puts in an item that the sender sent.
    pub(crate) fn put(&mut self, at: Duration, item: Item) {
        self.hand_on(at, 0, item);
        self.advance(at);
    }

    /// The next step.
    pub(crate) fn next(&mut self, at: Duration) -> Next {
        if let Some(cut) = self.urgent(at) {
            return Next::Do(Item::Cut(cut));
        }
        while let Some(item) = self.output.pop_front() {
            self.output_bytes -= item.length();
            // Only the end of the whole connection may follow the end of the stream.
            if self.ended && !matches!(item, Item::Cut(_)) {
                continue;
            }
            self.ended |= !matches!(item, Item::Data(_));
            return Next::Do(item);
        }
        Next::Wait(self.due())
    }

    /// The end of the connection that waits for nothing, not even for a receiver that does not read.
    pub(crate) fn urgent(&mut self, at: Duration) -> Option<Cut> {
        self.advance(at);
        self.stages.iter().find_map(Stage::urgent)
    }

    /// The time at which there is something to do again, as of the last call that gave the time.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.stages.iter().filter_map(Stage::due).min()
    }

    /// Takes the effects of each toxic since the last call.
    pub(crate) fn take_tallies(&mut self) -> impl Iterator<Item = (ToxicId, Tally)> {
        self.stages.iter_mut().filter_map(Stage::take_tally)
    }

    fn place(&self, id: ToxicId) -> Option<usize> {
        self.stages.iter().position(|stage| stage.id() == id)
    }

    /// Gives an item to the stage at `n`, or to the output if there is none.
    fn hand_on(&mut self, at: Duration, n: usize, item: Item) {
        if let Some(stage) = self.stages.get_mut(n) {
            stage.accept(at, item, &mut self.rng);
        } else {
            self.output_bytes += item.length();
            self.output.push_back(item);
        }
    }

    /// Moves on everything that is due, front to back.
    fn advance(&mut self, at: Duration) {
        for n in 0..self.stages.len() {
            self.stages[n].ring(at, &mut self.rng);
            while let Some(item) = self.stages[n].take_due(at) {
                self.hand_on(at, n + 1, item);
            }
        }
    }
}

#[cfg(test)]
mod tests;
