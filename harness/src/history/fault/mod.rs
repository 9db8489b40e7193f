//! A fault's life, from being aimed to being healed.

use serde::{Deserialize, Serialize};

use super::{Epoch, ThreadId};

mod by_name;
mod effect;

pub(crate) use by_name::effect_by_name;
pub use effect::{Effect, Ends, Excuses};

/// A fault's life, one event a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename = "fault")]
pub struct FaultEvent {
    /// Tells this fault from the run's others, from 1.
    pub id: u32,
    /// Its name: `kill`, `terminate`, `pause`, ... Readers see it; no judgement depends on it.
    pub name: String,
    /// Pod or part it was aimed at.
    pub target: String,
    /// What it does to its target while it is in force.
    pub effect: Effect,
    /// The step.
    pub step: FaultStep,
}

/// Steps of a fault's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum FaultStep {
    /// It is about to be injected; from here on the target may be affected.
    Aimed {
        /// Thread whose owner was the target, where it was aimed at an owner.
        thread: Option<ThreadId>,
        /// That thread's epoch as read while aiming.
        epoch: Option<Epoch>,
    },
    /// Proof that it took effect was seen.
    Observed {
        /// The proof: `pidfd readable`, `engine says paused`, ...
        proof: String,
        /// Microseconds from the trigger's event to the proof, where there was a trigger.
        trigger_to_effect_us: Option<u64>,
    },
    /// Owner and epoch were read again after it landed.
    Judged {
        /// Where it landed.
        landing: Landing,
    },
    /// Its healing begins: from here on the target may serve again.
    Healing,
    /// It was healed and seen healed: the target serves again.
    Healed,
}

/// Where a fault landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Landing {
    /// On what it was aimed at.
    Hit,
    /// The owner changed between aiming and landing.
    Moved,
    /// The turn was over before it landed.
    TooLate,
}
