//! Gates: what each lets through, and whom it holds.
//!
//! A gate exists only while it is open to somebody or holds somebody; any other is closed and empty, and takes no room.

use std::collections::{BTreeMap, HashMap};

use super::live::Live;
use crate::journal::{CallId, GateState, HeldCall};

/// What a gate lets through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Opening {
    #[default]
    Closed,
    /// Tokens up to this index.
    Through(u32),
    Open,
}

impl Opening {
    fn lets(self, index: u32) -> bool {
        match self {
            Self::Closed => false,
            Self::Through(last) => index <= last,
            Self::Open => true,
        }
    }
}

#[derive(Debug, Default)]
struct Gate {
    opening: Opening,
    calls: HashMap<CallId, Opening>,
    held: BTreeMap<CallId, HeldCall>,
}

impl Gate {
    fn is_idle(&self) -> bool {
        self.opening == Opening::Closed && self.calls.is_empty() && self.held.is_empty()
    }
}

/// What asking a gate came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Let on without having been held.
    Passed,
    /// Let on after having been held.
    Released,
    /// Held from now on.
    Held,
    /// Held as before.
    StillHeld,
}

#[derive(Debug, Default)]
pub(super) struct Gates(HashMap<String, Gate>);

impl Gates {
    /// Asks to let a call send its token `index` (one past the last stands for the end of the answer).
    pub(super) fn ask(&mut self, name: &str, live: &Live, index: u32) -> Asked {
        let call = live.id.call;
        let gate = self.0.entry(name.to_owned()).or_default();
        let own = gate.calls.get(&call).copied().unwrap_or_default();
        if gate.opening.lets(index) || own.lets(index) {
            return if gate.held.remove(&call).is_some() {
                Asked::Released
            } else {
                Asked::Passed
            };
        }
        let held = HeldCall {
            id: live.id.clone(),
            after: index - 1,
        };
        if gate.held.insert(call, held).is_some() {
            Asked::StillHeld
        } else {
            Asked::Held
        }
    }

    /// Opens a gate, for everybody or for one call, and says which calls are held there to be asked again.
    pub(super) fn open(&mut self, name: &str, opening: Opening, call: Option<CallId>) -> Vec<CallId> {
        let gate = self.0.entry(name.to_owned()).or_default();
        match call {
            Some(call) => {
                gate.calls.insert(call, opening);
            }
            None => gate.opening = opening,
        }
        gate.held.keys().copied().collect()
    }

    /// Closes a gate again. Whoever it holds stays held.
    pub(super) fn close(&mut self, name: &str) {
        if let Some(gate) = self.0.get_mut(name) {
            gate.opening = Opening::Closed;
            gate.calls.clear();
        }
        self.prune(name);
    }

    /// Forgets a call that has ended.
    pub(super) fn forget(&mut self, name: &str, call: CallId) {
        if let Some(gate) = self.0.get_mut(name) {
            gate.held.remove(&call);
            gate.calls.remove(&call);
        }
        self.prune(name);
    }

    pub(super) fn state(&self, name: &str) -> GateState {
        let gate = self.0.get(name);
        let opening = gate.map_or(Opening::Closed, |gate| gate.opening);
        GateState {
            name: name.to_owned(),
            open: opening == Opening::Open,
            open_through: if let Opening::Through(last) = opening {
                Some(last)
            } else {
                None
            },
            held: gate
                .map(|gate| gate.held.values().cloned().collect())
                .unwrap_or_default(),
        }
    }

    pub(super) fn held_count(&self) -> usize {
        self.0.values().map(|gate| gate.held.len()).sum()
    }

    fn prune(&mut self, name: &str) {
        if self.0.get(name).is_some_and(Gate::is_idle) {
            self.0.remove(name);
        }
    }
}
