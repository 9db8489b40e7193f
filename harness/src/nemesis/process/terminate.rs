//! `terminate`: SIGTERM to a pod's process.
//!
//! Needs: a running pod. Observed: the process is gone, or the pod reports that it holds inside its drain. Healed: the pod was
//! restarted and is ready.

use std::time::{Duration, Instant};

use crate::cluster::PartHandle;
use crate::history::{Ends, Landing};
use crate::nemesis::Nemesis;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{Aim, refused};
use crate::nemesis::kind::{FaultKind, Needs, Power, Role};

/// The fault.
pub(in crate::nemesis) const FAULT: FaultKind = FaultKind {
    name: "terminate",
    about: "a pod is asked to end, and has its grace to do so",
    needs: Needs::part(&[Role::Pod]).with(&[Power::ProofOfDeath]),
    effect: |site| site.ended(Ends::InGoodOrder),
};

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

    /// Waits until a terminated pod is gone. `since` is the time of the SIGTERM. Returns the exit code.
    ///
    /// # Errors
    /// The pod still runs after `bound`.
    pub async fn gone(&mut self, pod: &PartHandle, bound: Duration, since: Instant) -> Result<i64, NemesisError> {
        let fault = self.in_force_on(&FAULT, pod);
        let exit = pod.wait_exit(bound).await.map_err(refused(&fault))?;
        self.observed(&fault, &format!("exited with code {}", exit.code), Some(since));
        Ok(exit.code)
    }
}
