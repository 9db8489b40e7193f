//! Events of the machine below the system: containers and CPU.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A report of the engine or the kernel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MachineEvent {
    /// The engine reported something about a container.
    Engine {
        /// Pod or dependency.
        service: String,
        /// The engine's own word: `die`, `start`, `pause`, ...
        action: String,
        /// Exit code, where it says one.
        exit_code: Option<i64>,
    },
    /// Threads of parts, or the harness itself, could have run and waited for a processor instead.
    Starved {
        /// Length of the time that is told of, which ends now, in microseconds.
        over_us: u64,
        /// For each part how long the thread of it waited that waited longest, in microseconds; `harness` is the harness
        /// itself. One that hardly waited is not told.
        waited_us: BTreeMap<String, u64>,
    },
}
