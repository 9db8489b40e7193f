//! `terminate`: SIGTERM to a pod's process. Needs: a running pod. Observed: the process is gone, or the pod says that it
//! holds inside its drain. Healed: the pod is started again and ready.

use std::time::{Duration, Instant};

use crate::nemesis::{Aim, Nemesis, NemesisError, refused};
use crate::cluster::PartHandle;
use crate::history::Landing;

impl Nemesis {
    /// Tells a pod to stop and returns at once: what it does until it is gone is what a story is about.
    ///
    /// # Errors
    /// The pod does not run or may not be signalled.
    pub async fn terminate(&mut self, pod: &PartHandle, aim: Option<&Aim>) -> Result<Landing, NemesisError> {
        let fault = self.aimed("terminate", pod, aim);
        pod.terminate(None).await.map_err(refused(&fault))?;
        self.landed(&fault, aim).await
    }

    /// Waits until a terminated pod is gone. `since` is when it was told to stop; the code is its exit code.
    ///
    /// # Errors
    /// It still runs after `bound`.
    pub async fn gone(&mut self, pod: &PartHandle, bound: Duration, since: Instant) -> Result<i64, NemesisError> {
        let fault = self.in_force_on("terminate", pod);
        let exit = pod.wait_exit(bound).await.map_err(refused(&fault))?;
        self.observed(&fault, &format!("exited with code {}", exit.code), Some(since));
        Ok(exit.code)
    }
}
