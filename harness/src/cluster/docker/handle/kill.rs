//! SIGKILL, and the proof of death: of one part, or of several at the same moment.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rustix::process::Signal;

use crate::cluster::docker::handle::PartHandle;
use crate::cluster::docker::handle::life::Life;
use crate::cluster::docker::handle::signal::DEATH_BOUND;
use crate::cluster::linux::pidfd::Pidfd;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::state::Proof;

/// How long killed processes are watched on the thread that killed them: longer than most deaths take.
const AT_ONCE: Duration = Duration::from_millis(20);

/// That a part's process is dead, and how that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Death {
    /// What proves it.
    pub proof: Proof,
    /// When it was known, by the harness's clock.
    pub known_at: Instant,
}

/// A process that is to die.
struct Doomed {
    life: Arc<Life>,
    is_frozen: bool,
    /// What will prove it, where the signal is sent.
    sent: Option<Proof>,
    died_at: Option<Instant>,
}

impl PartHandle {
    /// Kills the process with SIGKILL, and returns once it is proven dead.
    ///
    /// # Errors
    /// [`ClusterError::NotRunning`] where it is dead already: then this kill did nothing.
    pub async fn kill(&self) -> Result<Death, ClusterError> {
        let doomed = shoot(&[self]).pop().expect("as many as are shot at");
        self.see_die(doomed?).await
    }

    /// Kills the processes of several parts: all are signalled before any is waited for. Returns once each is proven dead, or
    /// why that one is not, in their order.
    pub async fn kill_together(parts: &[&Self]) -> Vec<Result<Death, ClusterError>> {
        let doomed = parts.iter().zip(shoot(parts));
        join_all(doomed.map(|(part, doomed)| async { part.see_die(doomed?).await })).await
    }

    async fn see_die(&self, doomed: Doomed) -> Result<Death, ClusterError> {
        let life = &doomed.life;
        let proof = match doomed.sent {
            Some(proof) => proof,
            None => self.signal_by_engine(life, Signal::KILL).await?,
        };
        if doomed.is_frozen {
            // A frozen process dies only once it is thawed; the signal is pending, so it runs nothing before.
            let thawed = self.engine().docker().unpause_container(&self.container()).await;
            tracing::debug!(part = %self.service(), ?thawed, "thawed to die");
        }
        let known_at = if let Some(at) = doomed.died_at {
            at
        } else {
            self.dead(life, DEATH_BOUND, "the end of the killed process").await?;
            Instant::now()
        };
        self.forget(life);
        tracing::debug!(part = %self.service(), ?proof, "killed");
        Ok(Death { proof, known_at })
    }
}

/// Signals each process that can be signalled from here, and watches them die for a moment. On the calling thread: there is
/// no runtime between the kernel's word and whoever waits for it.
fn shoot(parts: &[&PartHandle]) -> Vec<Result<Doomed, ClusterError>> {
    let mut shot: Vec<_> = parts.iter().map(|part| shoot_one(part)).collect();
    let mut dying: Vec<_> = shot
        .iter_mut()
        .flatten()
        .filter(|doomed| doomed.sent.is_some() && !doomed.is_frozen)
        .collect();
    // Whoever was signalled from here has one.
    let pidfds: Vec<&Pidfd> = dying.iter().filter_map(|doomed| doomed.life.pidfd.as_ref()).collect();
    let deaths = Pidfd::deaths_within(&pidfds, AT_ONCE);
    for (doomed, died_at) in dying.iter_mut().zip(deaths) {
        doomed.died_at = died_at;
    }
    shot
}

fn shoot_one(part: &PartHandle) -> Result<Doomed, ClusterError> {
    let life = part.running("a kill")?;
    let sent = part.signal_directly(&life, Signal::KILL)?;
    Ok(Doomed {
        is_frozen: life.paused.load(Ordering::Relaxed),
        life,
        sent,
        died_at: None,
    })
}
