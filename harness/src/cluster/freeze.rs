//! Freezes a part's processes with their sockets open, and lets them go on.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::engine::State;
use super::error::ClusterError;
use super::handle::{Life, PartHandle};
use super::pidfd::Pidfd;

/// How long the kernel may take to stop every thread of a process.
const STOP_BOUND: Duration = Duration::from_secs(2);

/// What proves that a part's process is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frozen {
    /// The kernel: each of its threads is stopped.
    Stopped,
    /// The engine says that its container is paused.
    Paused,
}

impl PartHandle {
    /// Freezes all threads of the process, and returns once they are, with what proves it. A process that is alone in its
    /// container is stopped by the kernel; any other, or one that may not be signalled, is frozen by the engine, some
    /// milliseconds slower.
    pub async fn pause(&self) -> Result<Frozen, ClusterError> {
        let life = self.running("a pause")?;
        if self.stop_process(&life).await? {
            return Ok(Frozen::Stopped);
        }
        let doing = format!("pausing {}", self.service());
        self.engine()
            .docker()
            .pause_container(&self.container())
            .await
            .map_err(ClusterError::engine(doing))?;
        life.paused.store(true, Ordering::Relaxed);
        self.expect_state(State::Paused).await?;
        Ok(Frozen::Paused)
    }

    /// Lets a frozen process go on. Returns once it runs.
    pub async fn unpause(&self) -> Result<(), ClusterError> {
        let stopped = self.alive().filter(|life| life.is_stopped());
        if let Some(pidfd) = stopped.as_ref().and_then(|life| life.pidfd.as_ref()) {
            let doing = "going on";
            pidfd.signal(Signal::CONT).map_err(|_| self.not_running(doing))?;
            return self.becomes(pidfd, false, doing).await;
        }
        let doing = format!("unpausing {}", self.service());
        self.engine()
            .docker()
            .unpause_container(&self.container())
            .await
            .map_err(ClusterError::engine(doing))?;
        if let Some(life) = self.alive() {
            life.paused.store(false, Ordering::Relaxed);
        }
        self.expect_state(State::Running).await
    }

    /// Stops a process by SIGSTOP where that freezes all there is of its container and is permitted; whether it did.
    async fn stop_process(&self, life: &Life) -> Result<bool, ClusterError> {
        let Some(pidfd) = &life.pidfd else { return Ok(false) };
        if !pidfd.is_alone().unwrap_or(false) || pidfd.signal(Signal::STOP).is_err() {
            return Ok(false);
        }
        self.becomes(pidfd, true, "a pause").await?;
        Ok(true)
    }

    /// Waits until the process is stopped, or is not any more. First on this very thread: most need microseconds.
    async fn becomes(&self, pidfd: &Pidfd, stopped: bool, doing: &'static str) -> Result<(), ClusterError> {
        let began = Instant::now();
        loop {
            match pidfd.is_stopped() {
                Ok(now) if now == stopped => return Ok(()),
                Ok(_) => {}
                Err(_) => return Err(self.not_running(doing)),
            }
            if began.elapsed() > STOP_BOUND {
                let awaited = if stopped {
                    "every thread to be stopped"
                } else {
                    "its threads to run"
                };
                return Err(self.late(awaited, STOP_BOUND, "they do not").await);
            }
            tokio::task::yield_now().await;
        }
    }
}

impl std::fmt::Display for Frozen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stopped => "every thread is stopped",
            Self::Paused => "the engine says paused",
        })
    }
}
