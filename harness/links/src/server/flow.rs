//! One direction of one connection: its pipeline, its toxics' accounts, and what is on its way between two sockets.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::net::TcpStream;

use super::account::{Account, InForce, LiveToxic};
use super::hub::{Hub, Ticket};
use super::transfer::{Step, Transfer};
use crate::model::Stream;
use crate::pipeline::{Cut, Item, Next, Pipeline, ToxicId};

/// Bytes read at a time where toxics look at them.
const CHUNK_BYTES: usize = 64 << 10;
/// A buffer with less room than this is left to its chunks, and another one begun.
const LEAST_ROOM_BYTES: usize = 8 << 10;
/// Chunks moved before the other direction has its turn.
const STEPS: usize = 16;

/// The end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// As a toxic or the proxy's stop demands.
    Cut(Cut),
    /// A side was reset, or is gone.
    Broken,
    /// Both directions have ended.
    Done,
}

/// The events that a direction waits for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Waits {
    /// Bytes to read.
    pub(super) read: bool,
    /// Room to write.
    pub(super) write: bool,
    /// A time.
    pub(super) due: Option<Duration>,
    /// Only the other direction's turn.
    pub(super) again: bool,
}

/// The receiver of a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Receiver {
    /// It takes bytes.
    Open,
    /// It is to see the end of the stream behind the bytes before it.
    Ending,
    /// It has seen the end of the stream.
    Ended,
    /// It is gone, and takes nothing.
    Gone,
}

#[derive(Debug)]
pub(super) struct Flow {
    stream: Stream,
    hub: Arc<Hub>,
    pipeline: Pipeline,
    toxics: BTreeMap<ToxicId, (Arc<Account>, Option<InForce>)>,
    transfer: Option<Transfer>,
    /// Being written.
    pending: Bytes,
    buffer: BytesMut,
    source_ended: bool,
    receiver: Receiver,
    /// Bytes that a toxic held back are still to be delivered, whatever becomes of their sender.
    owes: bool,
}

impl Flow {
    pub(super) fn new(stream: Stream, ticket: &Ticket) -> Self {
        let mut flow = Self {
            stream,
            hub: Arc::clone(&ticket.hub),
            pipeline: Pipeline::new(ticket.seed(stream)),
            toxics: BTreeMap::new(),
            transfer: None,
            pending: Bytes::new(),
            buffer: BytesMut::new(),
            source_ended: false,
            receiver: Receiver::Open,
            owes: false,
        };
        for toxic in ticket.toxics.iter().filter(|toxic| toxic.spec.stream == stream) {
            flow.set(toxic);
        }
        flow
    }

    /// Adds or changes a toxic. Bytes in the splice's pipe are put in front of it: they have not passed yet.
    pub(super) fn set(&mut self, toxic: &LiveToxic) {
        let at = self.hub.clock.now();
        let known = self.toxics.contains_key(&toxic.id);
        let works = if known {
            self.pipeline.change(at, toxic.id, &toxic.spec)
        } else {
            self.pipeline.add(at, toxic.id, &toxic.spec)
        };
        let in_force = works.then(|| InForce::new(&toxic.account));
        self.toxics.insert(toxic.id, (Arc::clone(&toxic.account), in_force));
        self.take_back(at);
    }

    fn take_back(&mut self, at: Duration) {
        if let Some(transfer) = self.transfer.as_mut().filter(|transfer| !transfer.is_empty()) {
            match transfer.take_back() {
                Ok(bytes) => self.pipeline.put(at, Item::Data(bytes)),
                Err(error) => {
                    // Bytes of the stream are lost: it must not go on.
                    tracing::error!(%error, "the pipe did not give back what went in");
                    self.pipeline.put(at, Item::Cut(Cut::Reset));
                }
            }
        }
    }

    pub(super) fn remove(&mut self, id: ToxicId) {
        self.pipeline.remove(self.hub.clock.now(), id);
        self.toxics.remove(&id);
    }

    /// True if it stands still with its sockets kept.
    pub(super) fn holds(&self) -> bool {
        self.pipeline.holds()
    }

    /// True if bytes that a toxic held back are still to be delivered.
    pub(super) fn owes(&self) -> bool {
        self.owes && self.receiver != Receiver::Gone
    }

    /// True if the receiver is gone: nothing can be delivered any more.
    pub(super) fn has_lost_its_target(&self) -> bool {
        self.receiver == Receiver::Gone
    }

    pub(super) fn is_done(&self) -> bool {
        match self.receiver {
            Receiver::Open | Receiver::Ending => false,
            Receiver::Ended => self.source_ended,
            Receiver::Gone => true,
        }
    }

    /// Records the effects of the toxics in their accounts.
    pub(super) fn record_accounts(&mut self) {
        for (id, tally) in self.pipeline.take_tallies() {
            if let Some((account, _)) = self.toxics.get(&id) {
                account.add(tally);
            }
        }
    }

    /// Returns the time until which to wait, or the end that the connection is to have. For a direction that moves nothing.
    pub(super) fn idle(&mut self) -> Result<Option<Duration>, Ending> {
        loop {
            match self.pipeline.next(self.hub.clock.now()) {
                Next::Do(Item::Cut(cut)) => return Err(Ending::Cut(cut)),
                Next::Do(Item::End) => self.begin_end(),
                Next::Do(Item::Data(_)) => {}
                Next::Wait(due) => return Ok(due),
            }
        }
    }

    /// Moves the bytes that can be moved now.
    pub(super) fn turn(&mut self, source: &TcpStream, target: &TcpStream) -> Result<Waits, Ending> {
        for _ in 0..STEPS {
            let at = self.hub.clock.now();
            if let Some(cut) = self.pipeline.urgent(at) {
                return Err(Ending::Cut(cut));
            }
            if self.has_lost_its_target() {
                return Ok(Waits::default());
            }
            self.owes = self.pipeline.holds_back() || (self.owes && !self.is_empty());
            let mut waits = Waits {
                due: self.pipeline.due(),
                ..Waits::default()
            };
            if !self.pending.is_empty() && !self.holds() && !self.write(target)? {
                waits.write = true;
            }
            if self.pending.is_empty() {
                match self.pipeline.next(at) {
                    Next::Do(Item::Data(bytes)) => {
                        self.pending = bytes;
                        continue;
                    }
                    Next::Do(Item::End) => self.begin_end(),
                    Next::Do(Item::Cut(cut)) => return Err(Ending::Cut(cut)),
                    Next::Wait(due) => waits.due = due,
                }
                self.end(target);
            }
            if self.source_ended || !self.pipeline.wants_more() || self.too_much_pending() {
                return Ok(waits);
            }
            let step = match self.read(source, target) {
                // The sender is gone, and what it sent before is still to be delivered.
                Err(error) if self.owes() => {
                    tracing::debug!(%error, "a sender is gone");
                    Step::End
                }
                step => step.map_err(broken)?,
            };
            match step {
                Step::Read(bytes) => self.hub.count_read(self.stream, bytes),
                Step::Wrote(bytes) => self.hub.count_written(self.stream, bytes),
                Step::SourceEmpty => return Ok(Waits { read: true, ..waits }),
                Step::TargetFull => return Ok(Waits { write: true, ..waits }),
                Step::End => {
                    self.source_ended = true;
                    self.pipeline.put(at, Item::End);
                }
            }
        }
        Ok(Waits {
            again: true,
            ..Waits::default()
        })
    }

    fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.pipeline.is_empty()
    }

    /// Without toxics the receiver's pace is the sender's; with some, the stages say how much they hold.
    fn too_much_pending(&self) -> bool {
        !self.pending.is_empty() && self.pipeline.is_transparent()
    }

    fn begin_end(&mut self) {
        if self.receiver == Receiver::Open {
            self.receiver = Receiver::Ending;
        }
    }

    fn end(&mut self, target: &TcpStream) {
        if self.receiver == Receiver::Ending {
            self.receiver = Receiver::Ended;
            shut_down_writing(target);
        }
    }

    /// Writes the pending bytes. Returns false if the receiver takes no more.
    fn write(&mut self, target: &TcpStream) -> Result<bool, Ending> {
        while !self.pending.is_empty() {
            match target.try_write(&self.pending) {
                Ok(written) => {
                    self.pending.advance(written);
                    self.hub.count_written(self.stream, written);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => {
                    self.receiver = Receiver::Gone;
                    return Err(broken(error));
                }
            }
        }
        Ok(true)
    }

    fn read(&mut self, source: &TcpStream, target: &TcpStream) -> io::Result<Step> {
        if self.pipeline.is_transparent() && self.pending.is_empty() && self.receiver != Receiver::Ended {
            if self.transfer.is_none() {
                self.transfer = Transfer::new();
            }
            if let Some(transfer) = &mut self.transfer {
                let writes = !transfer.is_empty();
                let step = transfer.step(source, target);
                if step.is_err() && writes {
                    self.receiver = Receiver::Gone;
                }
                return step;
            }
        }
        if self.buffer.capacity() - self.buffer.len() < LEAST_ROOM_BYTES {
            self.buffer.reserve(CHUNK_BYTES);
        }
        match source.try_read_buf(&mut self.buffer) {
            Ok(0) => Ok(Step::End),
            Ok(read) => {
                let chunk = self.buffer.split().freeze();
                self.pipeline.put(self.hub.clock.now(), Item::Data(chunk));
                Ok(Step::Read(read))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Step::SourceEmpty),
            Err(error) => Err(error),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn broken(error: io::Error) -> Ending {
    tracing::debug!(%error, "a side is gone");
    Ending::Broken
}

/// Ends the stream to a peer, if it is still there.
pub(super) fn shut_down_writing(socket: &TcpStream) {
    let _gone = rustix::net::shutdown(socket, rustix::net::Shutdown::Write);
}
