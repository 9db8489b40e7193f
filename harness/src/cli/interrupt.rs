//! Ctrl-C and SIGTERM: a command removes what it has brought up before the process ends.
//!
//! A signal that comes before it is awaited is kept. Nothing cuts the removal short; it is bounded anyway.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::output::notice;

/// Exit code after a signal, as shells expect it of Ctrl-C.
const INTERRUPTED: u8 = 130;

/// The signals that tell this process to stop. Where the system does not let it listen for one, that one never comes.
pub(super) struct Interrupt {
    ctrl_c: Option<Signal>,
    terminate: Option<Signal>,
}

impl Interrupt {
    /// Listens from now on. Needs a runtime.
    pub(super) fn listen() -> Self {
        Self {
            ctrl_c: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    /// Returns when one of the signals has come.
    pub(super) async fn came(&mut self) {
        tokio::select! {
            () = next(&mut self.ctrl_c) => {}
            () = next(&mut self.terminate) => {}
        }
    }
}

async fn next(signals: &mut Option<Signal>) {
    match signals {
        Some(signals) => drop(signals.recv().await),
        None => std::future::pending().await,
    }
}

/// Tells how an interrupted command ended, and gives its exit code.
pub(super) fn interrupted(what_is_left: &str) -> u8 {
    notice(&format!("interrupted; {what_is_left}"));
    INTERRUPTED
}
