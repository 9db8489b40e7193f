//! The state of a part's process, how it ended, and how it was put right.

use std::time::Duration;

/// The state of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its container is made and not started yet.
    Created,
    /// Running and not paused.
    Running,
    /// All its threads are frozen.
    Paused,
    /// Its process has ended.
    Exited {
        /// Exit code; 137 after a SIGKILL, 143 after an unhandled SIGTERM.
        code: i64,
    },
}

/// The proof of a death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The kernel: the process's pidfd became readable.
    Pidfd,
    /// The engine's record says that the container has ended.
    Engine,
}

/// The end of a part's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Exit code; 137 after a SIGKILL, 143 after an unhandled SIGTERM.
    pub code: i64,
    /// Time from the call to the engine's answer.
    pub took: Duration,
}

/// A part that was put right, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Healed {
    /// The part.
    pub service: String,
    /// The remedy.
    pub remedy: Remedy,
}

/// The remedy that put a part right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The part was dead and was started again.
    Restarted {
        /// Exit code of its former process.
        exit_code: i64,
    },
    /// The part was frozen and was unfrozen.
    Unpaused,
    /// A limit of the part was lifted.
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
