//! Freezing a part's processes with their sockets open, and unfreezing them.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bollard::errors::Error as EngineError;
use rustix::process::Signal;

use crate::cluster::docker::handle::PartHandle;
use crate::cluster::docker::handle::life::Life;
use crate::cluster::linux::pidfd::Pidfd;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::state::State;

/// Longest until the kernel has stopped every thread of a process.
const STOP_BOUND: Duration = Duration::from_secs(2);
/// Longest until the engine has frozen a container.
const FREEZE_BOUND: Duration = Duration::from_secs(5);
/// The words of a runtime that could not freeze a container and has thawed it again. On cgroup v1 the kernel may never finish
/// freezing a container while processes are being made in it (<https://github.com/opencontainers/runc/pull/2791>).
const NOT_FROZEN: &str = "unable to freeze";

/// The proof that a part's process is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frozen {
    /// The kernel: each of its threads is stopped.
    Stopped,
    /// The engine says that its container is paused.
    Paused,
}

impl PartHandle {
    /// Freezes all threads of the process, and returns once they are frozen, with the proof. The kernel stops a process that is
    /// alone in its container; the engine freezes any other, and one that may not be signalled, some milliseconds slower.
    pub async fn pause(&self) -> Result<Frozen, ClusterError> {
        let life = self.running("a pause")?;
        if self.stop_process(&life).await? {
            return Ok(Frozen::Stopped);
        }
        self.freeze().await?;
        life.paused.store(true, Ordering::Relaxed);
        self.expect_state(State::Paused).await?;
        Ok(Frozen::Paused)
    }

    /// Asks the engine to freeze the container, and asks again while the engine could not: the container then runs as before, and
    /// repeating the request is up to the caller.
    async fn freeze(&self) -> Result<(), ClusterError> {
        let began = Instant::now();
        loop {
            match self.engine().docker().pause_container(&self.container()).await {
                Err(error) if is_not_frozen(&error) && began.elapsed() < FREEZE_BOUND => {
                    tracing::debug!(part = %self.service(), %error, "not frozen yet");
                }
                answer => {
                    let doing = format!("pausing {} for {:?}", self.service(), began.elapsed());
                    return answer.map_err(ClusterError::engine(doing));
                }
            }
        }
    }

    /// Unfreezes the process. Returns once it runs.
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

    /// Stops the process by SIGSTOP. Returns false, and does nothing, if the process is not alone in its container or may not be
    /// signalled.
    async fn stop_process(&self, life: &Life) -> Result<bool, ClusterError> {
        let Some(pidfd) = &life.pidfd else { return Ok(false) };
        if !pidfd.is_alone().unwrap_or(false) || pidfd.signal(Signal::STOP).is_err() {
            return Ok(false);
        }
        self.becomes(pidfd, true, "a pause").await?;
        Ok(true)
    }

    /// Waits until the process is `stopped` or not. It polls, because most processes need microseconds.
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

fn is_not_frozen(error: &EngineError) -> bool {
    matches!(error, EngineError::DockerResponseServerError { message, .. } if message.contains(NOT_FROZEN))
}

impl std::fmt::Display for Frozen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stopped => "every thread is stopped",
            Self::Paused => "the engine says paused",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_container_that_was_thawed_again_is_to_be_frozen_once_more() {
        let said = |message: &str| {
            is_not_frozen(&EngineError::DockerResponseServerError {
                status_code: 500,
                message: message.to_owned(),
            })
        };
        assert!(said(
            "Cannot pause container 3fc4: OCI runtime pause failed: unable to freeze: unknown"
        ));
        assert!(!said("Container 3fc4 is already paused"));
        assert!(!said("Container 3fc4 is not running"));
        assert!(!is_not_frozen(&EngineError::RequestTimeoutError));
    }
}
