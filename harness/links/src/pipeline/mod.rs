//! What happens to the bytes of one direction of one connection: a chain of stages, one for each toxic, in their order.
//!
//! Pure: no socket and no clock. Every call says what time it is (since the process began); [`Pipeline::next`] says
//! what to do now, or until when there is nothing to do. Chance comes from the seed that the pipeline was made with.

mod cut;
mod delay;
mod stage;
mod stop;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use stage::{ROOM_BYTES, Stage, length};

use crate::model::ToxicSpec;

/// Names a toxic within the process: a name may be used again, this is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ToxicId(pub(crate) u64);

/// What runs through a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// Bytes of the stream.
    Data(Bytes),
    /// Its end: the sender will send no more.
    End,
    /// The connection's end, in both directions.
    Cut(Cut),
}

/// How a connection is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Both sides see the end of the stream.
    Close,
    /// Both sides are reset.
    Reset,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// Do this, then ask again.
    Do(Item),
    /// Nothing before more is put in, or before this time.
    Wait(Option<Duration>),
}

/// What toxics have done since it was last asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    /// How often something came of the toxic.
    pub(crate) times: u64,
    /// Bytes that it touched.
    pub(crate) bytes: u64,
    /// When something first and last came of it.
    pub(crate) span: Option<(Duration, Duration)>,
    /// Whether this is the first that came of it on this connection.
    pub(crate) first_here: bool,
}

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

    /// Whether bytes may as well go past it.
    pub(crate) fn is_transparent(&self) -> bool {
        self.output.is_empty() && self.stages.iter().all(Stage::is_transparent)
    }

    /// Whether the direction stands still, with its sockets kept whatever happens to them.
    pub(crate) fn holds(&self) -> bool {
        self.stages.iter().any(Stage::holds)
    }

    /// Whether more may be put in now: the stages have room, and none stands still.
    pub(crate) fn wants_more(&self) -> bool {
        self.output_bytes < ROOM_BYTES && self.stages.iter().all(|stage| !stage.holds() && stage.has_room())
    }

    /// Adds a stage at the end. Returns whether the toxic works on this connection, which its toxicity decides.
    pub(crate) fn add(&mut self, at: Duration, id: ToxicId, toxic: &ToxicSpec) -> bool {
        let mut stage = Stage::new(id);
        let works = stage.set(at, toxic, &mut self.rng);
        self.stages.push(stage);
        self.advance(at);
        works
    }

    /// Changes a stage; what it held back goes on. Returns whether the toxic works on this connection from now on.
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

    /// Puts in what the sender sent.
    pub(crate) fn put(&mut self, at: Duration, item: Item) {
        self.hand_on(at, 0, item);
        self.advance(at);
    }

    /// What to do now.
    pub(crate) fn next(&mut self, at: Duration) -> Next {
        if let Some(cut) = self.urgent(at) {
            return Next::Do(Item::Cut(cut));
        }
        while let Some(item) = self.output.pop_front() {
            self.output_bytes -= length(&item);
            // After the end nothing follows but the end of the whole connection.
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

    /// When there is something to do again, as of the last call that told the time.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.stages.iter().filter_map(Stage::due).min()
    }

    /// Takes what has come of each toxic since it was last asked.
    pub(crate) fn take_tallies(&mut self) -> impl Iterator<Item = (ToxicId, Tally)> {
        self.stages.iter_mut().filter_map(Stage::take_tally)
    }

    fn place(&self, id: ToxicId) -> Option<usize> {
        self.stages.iter().position(|stage| stage.id() == id)
    }

    /// Gives an item to the stage at `n`, or out where there is none.
    fn hand_on(&mut self, at: Duration, n: usize, item: Item) {
        if let Some(stage) = self.stages.get_mut(n) {
            stage.accept(at, item, &mut self.rng);
        } else {
            self.output_bytes += length(&item);
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
