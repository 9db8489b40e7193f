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
    /// The machine's processors since the event of this kind before, and what the system's own parts used of them. Only on the
    /// engine's own machine.
    Cpu(Load),
}

/// The processors of the machine over a stretch of time that ends with the event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Length of the stretch, in microseconds.
    pub over_us: u64,
    /// Number of processors.
    pub processors: u32,
    /// Time in which processors had nothing to do, of all processors together.
    pub idle_us: u64,
    /// Time that the host gave to other machines, of all processors together.
    pub stolen_us: u64,
    /// Each part of the system that could be looked at. The provider, the fault proxy and the harness are no parts of the system.
    pub parts: BTreeMap<String, PartLoad>,
}

/// Use of the processors by one part, all threads together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PartLoad {
    /// Time on a processor.
    pub ran_us: u64,
    /// Time of waiting for one.
    #[serde(skip_serializing_if = "is_zero")]
    pub waited_us: u64,
    /// The two together, of those threads only that used their turns on a processor up: such a thread takes whatever it is given.
    #[serde(skip_serializing_if = "is_zero")]
    pub greedy_us: u64,
}

/// True for a time that is left out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference to a field")]
fn is_zero(us: &u64) -> bool {
    *us == 0
}
