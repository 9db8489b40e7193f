//! Signals to a part's process, and the proof that it has ended.

use std::io;
use std::time::{Duration, Instant};

use bollard::query_parameters::KillContainerOptions;
use rustix::process::Signal;

use crate::cluster::docker::handle::PartHandle;
use crate::cluster::docker::handle::life::Life;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::state::{Exit, Proof};

/// Longest that the kernel may take to end a killed process, and the engine to notice.
pub(in crate::cluster) const DEATH_BOUND: Duration = Duration::from_secs(10);

impl PartHandle {
    /// Sends a signal in the fastest permitted way. Returns the kind of proof that its effect will have.
    pub(super) async fn signal(&self, life: &Life, signal: Signal) -> Result<Proof, ClusterError> {
        match self.signal_directly(life, signal)? {
            Some(proof) => Ok(proof),
            None => self.signal_by_engine(life, signal).await,
        }
    }

    /// Signals the process itself. Returns `None` if that is not possible from here.
    pub(in crate::cluster) fn signal_directly(
        &self,
        life: &Life,
        signal: Signal,
    ) -> Result<Option<Proof>, ClusterError> {
        let Some(pidfd) = &life.pidfd else { return Ok(None) };
        match pidfd.signal(signal) {
            Ok(()) => Ok(Some(Proof::Pidfd)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                tracing::debug!(part = %self.service(), "not permitted to signal, asking the engine");
                Ok(None)
            }
            Err(_) => Err(self.not_running("a signal")),
        }
    }

    pub(in crate::cluster) async fn signal_by_engine(
        &self,
        life: &Life,
        signal: Signal,
    ) -> Result<Proof, ClusterError> {
        let name = match signal {
            Signal::KILL => "SIGKILL",
            Signal::INT => "SIGINT",
            _ => "SIGTERM",
        };
        let options = KillContainerOptions { signal: name.into() };
        let doing = format!("sending {name} to {}", self.service());
        let sent = self
            .0
            .engine
            .docker()
            .kill_container(&self.container(), Some(options))
            .await;
        sent.map_err(ClusterError::engine(doing))?;
        Ok(if life.pidfd.is_some() {
            Proof::Pidfd
        } else {
            Proof::Engine
        })
    }

    /// Waits for the proof that a start of the part has ended.
    pub(in crate::cluster) async fn dead(
        &self,
        life: &Life,
        bound: Duration,
        awaited: &str,
    ) -> Result<(), ClusterError> {
        let end = async {
            match &life.pidfd {
                Some(pidfd) => pidfd.dead().await.map_err(|error| error.to_string()),
                None => self
                    .0
                    .engine
                    .exited(&self.container(), Some(&life.started_at))
                    .await
                    .map(drop)
                    .map_err(|error| error.to_string()),
            }
        };
        match tokio::time::timeout(bound, end).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.late(awaited, bound, &error).await),
            Err(_) => Err(self.late(awaited, bound, "the process still exists").await),
        }
    }

    /// Waits until the engine has seen the process end. Returns at once if it has ended already.
    pub async fn wait_exit(&self, bound: Duration) -> Result<Exit, ClusterError> {
        let began = Instant::now();
        match tokio::time::timeout(bound, self.0.engine.exited(&self.container(), None)).await {
            Ok(code) => {
                self.forget_dead();
                Ok(Exit {
                    code: code?,
                    took: began.elapsed(),
                })
            }
            Err(_) => Err(self
                .late("the end of its process", bound, &format!("{:?}", self.state().await?))
                .await),
        }
    }
}
