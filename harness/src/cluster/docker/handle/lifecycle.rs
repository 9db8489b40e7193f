//! The life of a part: it is terminated, started, and put right.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::cluster::docker::handle::signal::DEATH_BOUND;
use crate::cluster::docker::handle::{PartHandle, ready};
use crate::cluster::linux::pidfd::Pidfd;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::role::Role;
use crate::cluster::part::state::{Exit, Remedy, State};

impl PartHandle {
    /// Asks the process to end, by the signal that does not wait for the part's clients. Without a `grace` it returns as soon as
    /// the signal is sent; with one it waits that long for the end, then kills, and returns how the process ended.
    pub async fn terminate(&self, grace: Option<Duration>) -> Result<Option<Exit>, ClusterError> {
        let life = self.running("a SIGTERM")?;
        let began = Instant::now();
        self.signal(&life, self.stop_signal()).await?;
        let Some(grace) = grace else { return Ok(None) };
        if self.dead(&life, grace, "the end within its grace").await.is_err() {
            match self.kill().await {
                // It ended by itself in the last moment.
                Ok(_) | Err(ClusterError::NotRunning { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        self.forget(&life);
        let exit = self.wait_exit(DEATH_BOUND).await?;
        Ok(Some(Exit {
            took: began.elapsed(),
            ..exit
        }))
    }

    /// The signal that ends the part in good order.
    fn stop_signal(&self) -> Signal {
        match self.part().role {
            // A fast shutdown; on SIGTERM it waits until its clients have left.
            Role::Postgres => Signal::INT,
            _ => Signal::TERM,
        }
    }

    /// Starts a part that has ended, and waits until it is ready; a part that runs is only awaited. Returns its
    /// address.
    pub async fn start(&self) -> Result<Option<SocketAddr>, ClusterError> {
        let began = Instant::now();
        if !self.is_running().await? {
            self.launch().await?;
        }
        self.ready("at its start", self.0.ready_bound).await?;
        tracing::debug!(part = %self.service(), took = ?began.elapsed(), "started and ready");
        Ok(self.address())
    }

    /// Starts a part that has ended. It runs when this returns, and may not serve yet.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn begin_start(&self) -> Result<(), ClusterError> {
        self.launch().await.map(drop)
    }

    /// Waits until the part is ready, and returns how long that took. The error for a crash quotes `while_what`.
    pub async fn ready(&self, while_what: &str, bound: Duration) -> Result<Duration, ClusterError> {
        ready::await_ready(self, while_what, bound).await
    }

    /// Returns true if the part runs, frozen or not. The kernel is asked first: the engine's record lags behind a kill.
    async fn is_running(&self) -> Result<bool, ClusterError> {
        match self.alive() {
            None if self.0.launching.load(Ordering::Relaxed) => {
                self.refresh().await?;
                Ok(self.alive().is_some())
            }
            None => Ok(false),
            Some(life) if life.pidfd.is_some() => Ok(true),
            Some(_) => Ok(matches!(self.state().await?, State::Running | State::Paused)),
        }
    }

    /// Starts a dead part, unfreezes a frozen one, lifts limits. Returns the remedy; `None` if none was needed.
    pub(in crate::cluster) async fn put_right(&self) -> Result<Option<Remedy>, ClusterError> {
        if !self.is_running().await? {
            return Ok(Some(Remedy::Restarted {
                exit_code: self.launch().await?.code,
            }));
        }
        let found = self.inspected_alone().await?;
        if self.is_stopped() || found.state == State::Paused {
            self.unpause().await?;
            return Ok(Some(Remedy::Unpaused));
        }
        let lifted = self.lift(found.limits).await?;
        let given_back = self
            .alive()
            .is_some_and(|life| life.pidfd.as_ref().is_some_and(Pidfd::give_back));
        Ok((lifted || given_back).then_some(Remedy::Unlimited))
    }

    /// Starts a part that has ended, without waiting until it is ready. Returns how it had ended.
    pub(in crate::cluster) async fn launch(&self) -> Result<Exit, ClusterError> {
        // The kernel knows of a death before the engine does: until then the engine would ignore a start.
        let exit = self.wait_exit(DEATH_BOUND).await?;
        // Limits do not carry over into the new life.
        self.lift_limits().await?;
        self.0.launching.store(true, Ordering::Relaxed);
        let docker = self.0.engine.docker();
        let starting = |what: &str| ClusterError::engine(format!("starting {what}{}", self.service()));
        if let Some(sandbox) = self.inspected().await?.sandbox {
            // It always runs, except in a kept cluster after the machine was rebooted.
            docker
                .start_container(&sandbox, None)
                .await
                .map_err(starting("the sandbox of "))?;
        }
        docker
            .start_container(&self.container(), None)
            .await
            .map_err(starting(""))?;
        self.refresh().await?;
        Ok(exit)
    }
}
