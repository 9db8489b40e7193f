//! The state of a part's process, how it ended, and how it was put right.

use std::time::Duration;

use crate::cluster::part::service::Service;

/// What a container is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Made, not started yet.
    Created,
    /// Running and not paused.
    Running,
    /// All its threads are frozen.
    Paused,
    /// Ended.
    Exited {
        /// Its exit code; 137 after a SIGKILL, 143 after an unhandled SIGTERM.
        code: i64,
    },
}

/// What proves a death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The kernel: the process's own descriptor became readable.
    Pidfd,
    /// The engine saw the container end.
    Engine,
}

/// How a part's process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// The container's exit code; 137 after a SIGKILL, 143 after an unhandled SIGTERM.
    pub code: i64,
    /// From the call to the engine's word.
    pub took: Duration,
}

/// A part that was not as it should be, and what was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Healed {
    /// Which one.
    pub service: Service,
    /// What was done.
    pub remedy: Remedy,
}

/// What put a part right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// It was dead and was started again.
    Restarted {
        /// Code with which it had ended.
        exit_code: i64,
    },
    /// It was frozen and was let go on.
    Unpaused,
    /// It was held to less than its machine has, and is no more.
    Unlimited,
}

impl std::fmt::Display for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pidfd => "pidfd readable",
            Self::Engine => "the engine saw it end",
        })
    }
}
