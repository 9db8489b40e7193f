//! Ctrl-C, SIGTERM and SIGHUP: a command removes what it has brought up before the process ends.
//!
//! A signal that comes before it is awaited is kept. Nothing cuts the removal short; it is bounded anyway. A process that was told
//! to outlive its terminal (`nohup`) does: SIGHUP stays ignored.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::output::notice;

/// Exit code after a signal, as shells expect it of Ctrl-C.
const INTERRUPTED: u8 = 130;

/// The signals that tell this process to stop. Where the system does not let it listen for one, that one never comes.
pub(super) struct Interrupt {
    ctrl_c: Option<Signal>,
    terminate: Option<Signal>,
    hang_up: Option<Signal>,
}

impl Interrupt {
    /// Listens from now on. Needs a runtime.
    pub(super) fn listen() -> Self {
        Self {
            ctrl_c: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
            hang_up: (!outlives_its_terminal())
                .then(|| signal(SignalKind::hangup()).ok())
                .flatten(),
        }
    }

    /// Returns when one of the signals has come.
    pub(super) async fn came(&mut self) {
        tokio::select! {
            () = next(&mut self.ctrl_c) => {}
            () = next(&mut self.terminate) => {}
            () = next(&mut self.hang_up) => {}
        }
    }
}

/// Whether this process ignores SIGHUP, which listening for it would undo.
fn outlives_its_terminal() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores(&status, SignalKind::hangup()))
}

/// Whether the process with this `status`, as `/proc` writes it, ignores a signal.
fn ignores(status: &str, signal: SignalKind) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    ignored.is_some_and(|ignored| ignored >> (signal.as_raw_value() - 1) & 1 == 1)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_ignored_if_its_bit_is_set() {
        let ignored =
            |mask: &str, signal| ignores(&format!("Name:\tx\nSigBlk:\tf\nSigIgn:\t{mask}\nSigCgt:\tf\n"), signal);
        assert!(ignored("0000000000000001", SignalKind::hangup()));
        assert!(ignored("0000000000001001", SignalKind::hangup()));
        assert!(!ignored("0000000000001002", SignalKind::hangup()));
        assert!(ignored("0000000000004000", SignalKind::terminate()));
        assert!(!ignored("", SignalKind::hangup()));
        assert!(!ignores("", SignalKind::hangup()));
    }
}
