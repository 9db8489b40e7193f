//! The hub of a proxy: it knows the toxics and the live connections. A connection gets every toxic when it is admitted,
//! and every change afterwards.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::account::{Clock, LiveToxic, micros};
use crate::model::{Attributes, NewConnections, ProxyEffects, Stream};
use crate::pipeline::ToxicId;

/// An order to a connection.
#[derive(Debug, Clone)]
pub(super) enum Order {
    /// Add this toxic, or change it.
    Set(Arc<LiveToxic>),
    /// Remove a toxic.
    Remove(Stream, ToxicId),
    /// Close: the proxy stops.
    Stop,
}

/// An order, and the channel that reports it as carried out. Dropping the channel reports the same.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) order: Order,
    pub(super) done: oneshot::Sender<()>,
}

/// The state that all connections of a proxy share.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) clock: Clock,
    seed: u64,
    state: Mutex<State>,
    unreachable: AtomicU64,
    /// Bytes read from and written to sockets, upstream and downstream.
    read: [AtomicU64; 2],
    written: [AtomicU64; 2],
}

#[derive(Debug, Default)]
struct State {
    toxics: Vec<Arc<LiveToxic>>,
    connections: BTreeMap<u64, mpsc::UnboundedSender<Command>>,
    accepted: u64,
}

/// A connection's place in the hub; its own until it is dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) hub: Arc<Hub>,
    pub(super) toxics: Vec<Arc<LiveToxic>>,
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
    number: u64,
}

impl Hub {
    pub(super) fn new(clock: Clock, seed: u64) -> Self {
        Self {
            clock,
            seed,
            state: Mutex::default(),
            unreachable: AtomicU64::new(0),
            read: Default::default(),
            written: Default::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection was accepted.
    pub(super) fn admit(self: &Arc<Self>) -> Ticket {
        let (sender, commands) = mpsc::unbounded_channel();
        let mut state = self.state();
        let number = state.accepted;
        state.accepted += 1;
        state.connections.insert(number, sender);
        Ticket {
            hub: Arc::clone(self),
            toxics: state.toxics.clone(),
            commands,
            number,
        }
    }

    /// The toxics: those of the upstream direction first, each direction in its order.
    pub(super) fn toxics(&self) -> Vec<Arc<LiveToxic>> {
        let mut toxics = self.state().toxics.clone();
        toxics.sort_by_key(|toxic| toxic.spec.stream);
        toxics
    }

    pub(super) fn toxic(&self, name: &str) -> Option<Arc<LiveToxic>> {
        self.state()
            .toxics
            .iter()
            .find(|toxic| toxic.spec.name == name)
            .cloned()
    }

    /// True if a toxic demands that nothing listens.
    pub(super) fn refuses(&self) -> bool {
        self.state().toxics.iter().any(|toxic| {
            let refuses = matches!(&toxic.spec.attributes,
                Attributes::HalfOpen(half) if half.new_connections == NewConnections::Refuse);
            refuses && toxic.spec.toxicity > 0.0
        })
    }

    /// Adds a toxic, or changes the one of its id. Done when every connection has it.
    pub(super) async fn set(&self, toxic: Arc<LiveToxic>) {
        let pending = {
            let mut state = self.state();
            match state.toxics.iter_mut().find(|known| known.id == toxic.id) {
                Some(known) => *known = Arc::clone(&toxic),
                None => state.toxics.push(Arc::clone(&toxic)),
            }
            state.send(&Order::Set(Arc::clone(&toxic)))
        };
        carried_out(pending).await;
        toxic.account.begins(self.clock.now());
    }

    /// Removes a toxic. Done when every connection is rid of it.
    pub(super) async fn remove(&self, toxic: &LiveToxic) {
        let pending = {
            let mut state = self.state();
            state.toxics.retain(|known| known.id != toxic.id);
            state.send(&Order::Remove(toxic.spec.stream, toxic.id))
        };
        carried_out(pending).await;
    }

    /// Closes every connection. Done when their sockets are closed.
    pub(super) async fn stop(&self) {
        let pending = self.state().send(&Order::Stop);
        carried_out(pending).await;
    }

    pub(super) fn was_unreachable(&self) {
        self.unreachable.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_read(&self, stream: Stream, bytes: usize) {
        self.read[stream as usize].fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn count_written(&self, stream: Stream, bytes: usize) {
        self.written[stream as usize].fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes read from the sender and bytes written to the receiver.
    pub(super) fn traffic(&self, stream: Stream) -> (u64, u64) {
        let of = |counters: &[AtomicU64; 2]| counters[stream as usize].load(Ordering::Relaxed);
        (of(&self.read), of(&self.written))
    }

    pub(super) fn effects(&self) -> ProxyEffects {
        let state = self.state();
        let toxics = state.toxics.iter();
        ProxyEffects {
            now_us: micros(self.clock.now()),
            accepted: state.accepted,
            live: state.connections.len() as u64,
            unreachable: self.unreachable.load(Ordering::Relaxed),
            upstream_bytes: self.traffic(Stream::Upstream).1,
            downstream_bytes: self.traffic(Stream::Downstream).1,
            toxics: toxics
                .map(|toxic| (toxic.spec.name.clone(), toxic.account.read()))
                .collect(),
        }
    }
}

impl State {
    /// Sends an order to every connection.
    fn send(&self, order: &Order) -> Vec<oneshot::Receiver<()>> {
        let send = |connection: &mpsc::UnboundedSender<Command>| {
            let (done, pending) = oneshot::channel();
            let order = order.clone();
            // A connection that is just ending has nothing left to carry out.
            connection.send(Command { order, done }).ok().map(|()| pending)
        };
        self.connections.values().filter_map(send).collect()
    }
}

/// Waits until every connection has carried out its order. A connection that ended instead counts as well.
async fn carried_out(pending: Vec<oneshot::Receiver<()>>) {
    for done in pending {
        let _ended_instead = done.await;
    }
}

impl Ticket {
    /// Chance for one direction of this connection.
    pub(super) fn seed(&self, stream: Stream) -> u64 {
        self.hub.seed ^ (self.number << 1 | stream as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.hub.state().connections.remove(&self.number);
    }
}
