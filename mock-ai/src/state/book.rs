//! The journal and the counters, behind one lock: calls, keys, gates and events, and every change to them.
//!
//! Pure but for the memory it holds: time comes in as an argument, and whoever waits is woken by the caller
//! ([`super::World`]), so that the rules here are tested without a socket.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    gates::{Asked, Gates, Opening},
    kept::{Bounds, Kept},
    live::{Arrival, Forced, Live, messages_bytes},
};
use crate::{
    journal::{CallId, CallRecord, CallRef, Cause, Event, EventId, EventKind, GateState, KeyState},
    script::{Plan, Script},
};

/// What the journal keeps of calls that have ended.
pub(crate) const CALLS_KEPT: usize = 100_000;
const CALLS: Bounds = Bounds {
    entries_max: CALLS_KEPT,
    weight_max_bytes: 256 << 20,
};
const EVENTS: Bounds = Bounds {
    entries_max: 500_000,
    weight_max_bytes: 256 << 20,
};

/// Which calls are asked for.
#[derive(Debug, Default)]
pub(crate) struct CallFilter {
    pub(crate) key: Option<String>,
    pub(crate) ordinal: Option<u32>,
    /// Only calls after this one.
    pub(crate) since: CallId,
}

/// Totals since the start or the last reset of everything, for the metrics.
#[derive(Debug, Default, Clone)]
pub(crate) struct Totals {
    pub(crate) calls: u64,
    pub(crate) live: u64,
    pub(crate) held: u64,
    pub(crate) tokens: u64,
    pub(crate) bytes: u64,
    pub(crate) ended: BTreeMap<Cause, u64>,
}

#[derive(Debug, Default)]
struct Key {
    state: KeyState,
    calls: BTreeSet<CallId>,
    gates: BTreeSet<String>,
}

#[derive(Debug)]
pub(crate) struct Book {
    last_call: CallId,
    last_event: EventId,
    /// The last event that is no longer kept.
    lost_through: EventId,
    calls: BTreeMap<CallId, Arc<Live>>,
    ended: Kept<CallId>,
    keys: HashMap<Arc<str>, Key>,
    gates: Gates,
    events: Kept<Event>,
    totals: Totals,
}

impl Default for Book {
    fn default() -> Self {
        Self::bounded(CALLS, EVENTS)
    }
}

impl Book {
    fn bounded(calls: Bounds, events: Bounds) -> Self {
        Self {
            last_call: CallId::default(),
            last_event: EventId::default(),
            lost_through: EventId::default(),
            calls: BTreeMap::new(),
            ended: Kept::new(calls),
            keys: HashMap::new(),
            gates: Gates::default(),
            events: Kept::new(events),
            totals: Totals::default(),
        }
    }

    pub(crate) fn last_event(&self) -> EventId {
        self.last_event
    }

    /// Counts a call for its key and enters it; also says what the script plans for this attempt.
    pub(crate) fn begin(&mut self, arrival: Arrival, script: &Script, at_us: u64) -> (Arc<Live>, Plan) {
        self.last_call.0 += 1;
        let key = self.keys.entry(Arc::clone(&arrival.key)).or_default();
        key.state.calls += 1;
        key.state.live += 1;
        key.state.live_max = key.state.live_max.max(key.state.live);
        key.calls.insert(self.last_call);
        let ordinal = key.state.calls;
        let plan = script.plan(ordinal);
        key.gates.extend(plan.gate.iter().map(|gate| gate.name.clone()));

        let id = CallRef {
            call: self.last_call,
            key: Arc::clone(&arrival.key),
            ordinal,
            pod: arrival.pod.clone(),
        };
        let live = Arc::new(Live::new(id, arrival, at_us));
        self.calls.insert(self.last_call, Arc::clone(&live));
        self.totals.calls += 1;
        self.note(
            &live,
            EventKind::Started {
                messages: Arc::clone(&live.messages),
            },
            at_us,
        );
        (live, plan)
    }

    /// Whether the call is still entered; a reset takes it out while its stream may yet be ending.
    fn knows(&self, live: &Arc<Live>) -> bool {
        self.calls
            .get(&live.id.call)
            .is_some_and(|known| Arc::ptr_eq(known, live))
    }

    pub(crate) fn first_byte(&mut self, live: &Arc<Live>, at_us: u64) {
        live.with_progress(|progress| progress.first_byte_us = Some(at_us));
        if self.knows(live) {
            self.note(live, EventKind::FirstByte, at_us);
        }
    }

    /// Whether the gate lets the call send its token `index`. If not, it is held until it asks again and passes.
    pub(crate) fn ask_gate(&mut self, live: &Arc<Live>, gate: &str, index: u32, at_us: u64) -> bool {
        if !self.knows(live) {
            return false;
        }
        let asked = self.gates.ask(gate, live, index);
        match asked {
            Asked::Passed | Asked::StillHeld => {}
            Asked::Held => {
                live.with_progress(|progress| progress.held = Some(gate.to_owned()));
                self.note(
                    live,
                    EventKind::Held {
                        gate: gate.to_owned(),
                        after: index - 1,
                    },
                    at_us,
                );
            }
            Asked::Released => {
                live.with_progress(|progress| progress.held = None);
                self.note(live, EventKind::Released { gate: gate.to_owned() }, at_us);
            }
        }
        matches!(asked, Asked::Passed | Asked::Released)
    }

    /// Enters how a call ended; `gate` is the one its plan names.
    pub(crate) fn end(&mut self, live: &Arc<Live>, gate: Option<&str>, cause: Cause, at_us: u64) {
        let (tokens, bytes) = live.with_progress(|progress| {
            progress.held = None;
            progress.ended_us = Some(at_us);
            progress.cause = Some(cause);
            progress.gone_us = (cause == Cause::ClientGone).then_some(at_us);
            (progress.token_us.len() as u32, progress.bytes)
        });
        if !self.knows(live) {
            return;
        }
        if let Some(gate) = gate {
            self.gates.forget(gate, live.id.call);
        }
        if let Some(key) = self.keys.get_mut(&live.id.key) {
            key.state.live -= 1;
        }
        self.totals.tokens += u64::from(tokens);
        self.totals.bytes += bytes;
        *self.totals.ended.entry(cause).or_default() += 1;
        self.note(live, EventKind::Ended { cause, tokens }, at_us);
        self.ended.push(live.id.call, live.weight_bytes());
        while let Some(call) = self.ended.evict() {
            self.drop_record(call);
        }
    }

    /// A key that no call is remembered of is forgotten with its counters: there is no end to keys.
    fn drop_record(&mut self, call: CallId) {
        let Some(live) = self.calls.remove(&call) else { return };
        if let Some(key) = self.keys.get_mut(&live.id.key) {
            key.calls.remove(&call);
            if key.calls.is_empty() {
                self.keys.remove(&live.id.key);
            }
        }
    }

    /// Opens a gate and wakes whom it holds. `None`: the call that it was to be opened for is not live.
    pub(crate) fn open_gate(&mut self, name: &str, opening: Opening, call: Option<CallId>) -> Option<GateState> {
        if let Some(call) = call {
            self.calls.get(&call).filter(|live| !live.ended())?;
        }
        for held in self.gates.open(name, opening, call) {
            if let Some(live) = self.calls.get(&held) {
                live.wake.notify_one();
            }
        }
        Some(self.gates.state(name))
    }

    pub(crate) fn gate(&self, name: &str) -> GateState {
        self.gates.state(name)
    }

    /// Ends a live call from outside. `false`: there is no such call, or it has ended.
    pub(crate) fn force(&self, call: CallId, forced: Forced) -> bool {
        let live = self.calls.get(&call).filter(|live| !live.ended());
        if let Some(live) = live {
            live.force(forced);
        }
        live.is_some()
    }

    pub(crate) fn record(&self, call: CallId) -> Option<CallRecord> {
        self.calls.get(&call).map(|live| live.record())
    }

    pub(crate) fn records(&self, filter: &CallFilter) -> Vec<CallRecord> {
        let fits = |live: &&Arc<Live>| filter.ordinal.is_none_or(|ordinal| live.id.ordinal == ordinal);
        let after = (std::ops::Bound::Excluded(filter.since), std::ops::Bound::Unbounded);
        match &filter.key {
            Some(key) => {
                let calls = self
                    .keys
                    .get(key.as_str())
                    .into_iter()
                    .flat_map(|key| key.calls.range(after));
                calls
                    .filter_map(|call| self.calls.get(call))
                    .filter(fits)
                    .map(|live| live.record())
                    .collect()
            }
            None => self
                .calls
                .range(after)
                .map(|(_, live)| live)
                .filter(fits)
                .map(|live| live.record())
                .collect(),
        }
    }

    pub(crate) fn key(&self, key: &str) -> KeyState {
        self.keys.get(key).map(|key| key.state.clone()).unwrap_or_default()
    }

    pub(crate) fn totals(&self) -> Totals {
        let mut totals = self.totals.clone();
        totals.held = self.gates.held_count() as u64;
        for live in self.calls.values().filter(|live| !live.ended()) {
            totals.live += 1;
            live.with_progress(|progress| {
                totals.tokens += progress.token_us.len() as u64;
                totals.bytes += progress.bytes;
            });
        }
        totals
    }

    /// At most `max` events after the given one, the first of them [`EventKind::Lost`] if some are no longer kept.
    pub(crate) fn events_after(&self, since: EventId, max: usize) -> Vec<Event> {
        let lost = (since < self.lost_through).then_some(Event {
            number: self.lost_through,
            at_us: 0,
            call: None,
            kind: EventKind::Lost {
                through: self.lost_through,
            },
        });
        lost.into_iter()
            .chain(self.events.from(|event| event.number <= since).cloned())
            .take(max)
            .collect()
    }

    /// Forgets the calls of a key, its counters and its events, closes the gates that its calls named, and stops those
    /// of its calls that are live. Without a key: everything. Call ids and event numbers go on.
    pub(crate) fn reset(&mut self, key: Option<&str>, at_us: u64) {
        let concerned = |id: &CallRef| key.is_none_or(|key| *id.key == *key);
        for live in self.calls.values().filter(|live| concerned(&live.id)) {
            live.force(Forced::Stop);
        }
        if let Some(name) = key {
            let key = self.keys.remove(name).unwrap_or_default();
            for gate in &key.gates {
                for call in &key.calls {
                    self.gates.forget(gate, *call);
                }
                self.gates.close(gate);
            }
        } else {
            self.keys.clear();
            self.gates = Gates::default();
            self.totals = Totals::default();
        }
        self.calls.retain(|_, live| !concerned(&live.id));
        let calls = &self.calls;
        self.ended.retain(|call| calls.contains_key(call));
        self.events
            .retain(|event| event.call.as_ref().map_or(key.is_some(), |id| !concerned(id)));
        self.push_event(
            None,
            EventKind::Reset {
                of: key.map(ToOwned::to_owned),
            },
            at_us,
        );
    }

    fn note(&mut self, live: &Live, kind: EventKind, at_us: u64) {
        self.push_event(Some(live.id.clone()), kind, at_us);
    }

    fn push_event(&mut self, call: Option<CallRef>, kind: EventKind, at_us: u64) {
        self.last_event.0 += 1;
        let text = if let EventKind::Started { messages } = &kind {
            messages_bytes(messages)
        } else {
            0
        };
        self.events.push(
            Event {
                number: self.last_event,
                at_us,
                call,
                kind,
            },
            text + 256,
        );
        while let Some(event) = self.events.evict() {
            self.lost_through = event.number;
        }
    }
}
