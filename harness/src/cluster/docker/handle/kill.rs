//! SIGKILL and the proof of death, for one part or several at the same moment.

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

/// Time for which killed processes are watched on the thread that killed them: longer than most deaths take.
const AT_ONCE: Duration = Duration::from_millis(20);

/// The death of a part's process, with its proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Death {
    /// The proof.
    pub proof: Proof,
    /// Time at which it was known, by the harness's clock.
    pub known_at: Instant,
}

/// A process on its way to death.
struct Killing {
    life: Arc<Life>,
    is_frozen: bool,
    /// The proof that its death will have; `None` if the signal is not sent yet.
    sent: Option<Proof>,
    died_at: Option<Instant>,
}

impl PartHandle {
    /// Kills the process with SIGKILL, and returns once it is proven dead.
    ///
    /// # Errors
    /// [`ClusterError::NotRunning`] if it is dead already: this kill then did nothing.
    pub async fn kill(&self) -> Result<Death, ClusterError> {
        let killing = signal_and_watch(&[self]).pop().expect("one for each part");
        self.see_die(killing?).await
    }

    /// Kills the processes of several parts: all are signalled before any is awaited. Returns the proven death of each, or the
    /// error, in their order.
    pub async fn kill_together(parts: &[&Self]) -> Vec<Result<Death, ClusterError>> {
        let killing = parts.iter().zip(signal_and_watch(parts));
        join_all(killing.map(|(part, killing)| async { part.see_die(killing?).await })).await
    }

    async fn see_die(&self, killing: Killing) -> Result<Death, ClusterError> {
        let life = &killing.life;
        let proof = match killing.sent {
            Some(proof) => proof,
            None => self.signal_by_engine(life, Signal::KILL).await?,
        };
        if killing.is_frozen {
            // A frozen process dies only once it is thawed. The signal is pending, so that the process runs nothing before.
            let thawed = self.engine().docker().unpause_container(&self.container()).await;
            tracing::debug!(part = %self.service(), ?thawed, "thawed to die");
        }
        let known_at = if let Some(at) = killing.died_at {
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

/// Signals each process that can be signalled from here, and watches them die for a moment. It blocks the calling thread, so
/// that no runtime stands between the death and its time stamp.
fn signal_and_watch(parts: &[&PartHandle]) -> Vec<Result<Killing, ClusterError>> {
    let mut killings: Vec<_> = parts.iter().map(|part| signal_one(part)).collect();
    let mut dying: Vec<_> = killings
        .iter_mut()
        .flatten()
        .filter(|killing| killing.sent.is_some() && !killing.is_frozen)
        .collect();
    // Every process that was signalled from here has a pidfd.
    let pidfds: Vec<&Pidfd> = dying.iter().filter_map(|killing| killing.life.pidfd.as_ref()).collect();
    let deaths = Pidfd::deaths_within(&pidfds, AT_ONCE);
    for (killing, died_at) in dying.iter_mut().zip(deaths) {
        killing.died_at = died_at;
    }
    killings
}

fn signal_one(part: &PartHandle) -> Result<Killing, ClusterError> {
    let life = part.running("a kill")?;
    let sent = part.signal_directly(&life, Signal::KILL)?;
    Ok(Killing {
        is_frozen: life.paused.load(Ordering::Relaxed),
        life,
        sent,
        died_at: None,
    })
}
