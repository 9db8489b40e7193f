//! `terminate`: SIGTERM to a pod's process.
//!
//! Needs: a running pod. Observed: the process is gone, or the pod reports that it holds inside its drain. Healed: the pod was
//! restarted and is ready.

use std::time::{Duration, Instant};

use crate::cluster::{ClusterError, PartHandle, Role};
use crate::history::{Ends, Landing};
use crate::nemesis::Nemesis;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{Aim, name, refused};
use crate::nemesis::kind::{FaultKind, On};
use crate::system::needs::{Need, Power};

/// The fault.
pub(in crate::nemesis) const FAULT: FaultKind = FaultKind {
    name: "terminate",
    about: "a pod is asked to end, and has its grace to do so",
    on: On::Part(&[Role::Pod]),
    needs: &[Need::Power(Power::ProofOfDeath)],
    effect: |site| site.ended(Ends::InGoodOrder),
};

/// Longest that the end of a killed process takes to be seen.
const KILLED: Duration = Duration::from_secs(10);

impl Nemesis {
    /// Sends a pod SIGTERM and returns at once: a story is about the time until the pod is gone.
    ///
    /// # Errors
    /// The pod does not run or may not be signalled.
    pub async fn terminate(&mut self, pod: &PartHandle, aim: Option<&Aim>) -> Result<Landing, NemesisError> {
        let fault = self.aimed(&FAULT, pod, aim);
        pod.terminate(None).await.map_err(refused(&fault))?;
        self.landed(&fault, aim).await
    }

    /// True if a pod was told to stop and still runs. A frozen pod cannot get on with it.
    pub fn is_stopping(&self, pod: &PartHandle) -> bool {
        let target = name(pod);
        let is_frozen = self
            .in_force
            .iter()
            .any(|fault| fault.target == target && fault.effect.freezes);
        pod.address().is_some() && !is_frozen && self.find_in_force(FAULT.name, &target).is_some()
    }

    /// Waits until a terminated pod is gone. `since` is the time of the SIGTERM. One that still runs after `bound` is killed, as
    /// whoever stops a container does after its grace. Returns the exit code.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn gone(&mut self, pod: &PartHandle, bound: Duration, since: Instant) -> Result<i64, NemesisError> {
        let fault = self.in_force_on(&FAULT, pod);
        let (exit, how) = match pod.wait_exit(bound).await {
            Ok(exit) => (exit, String::new()),
            Err(ClusterError::NotReady { .. }) => {
                match pod.kill().await {
                    // It ended by itself in the last moment.
                    Ok(_) | Err(ClusterError::NotRunning { .. }) => {}
                    Err(error) => return Err(refused(&fault)(error)),
                }
                let exit = pod.wait_exit(KILLED).await.map_err(refused(&fault))?;
                (
                    exit,
                    format!(" by SIGKILL, since it still ran {bound:.1?} after SIGTERM"),
                )
            }
            Err(error) => return Err(refused(&fault)(error)),
        };
        self.observed(&fault, &format!("exited with code {}{how}", exit.code), Some(since));
        Ok(exit.code)
    }
}
