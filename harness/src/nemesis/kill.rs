//! `kill`: SIGKILL to the process of a pod or dependency. Needs: that it runs. Observed: the kernel says that the process
//! is gone. Healed: it is started again and ready.

use std::time::Instant;

use super::{Aim, Nemesis, NemesisError, refused};
use crate::cluster::PartHandle;
use crate::history::Landing;

impl Nemesis {
    /// Kills a pod or a dependency; it is dead when this returns. `trigger` is when the event that set this off was seen.
    ///
    /// # Errors
    /// It does not run, may not be signalled, or its death cannot be proven.
    pub async fn kill(
        &mut self,
        pod: &PartHandle,
        aim: Option<&Aim>,
        trigger: Option<Instant>,
    ) -> Result<Landing, NemesisError> {
        let fault = self.aimed("kill", pod, aim);
        let death = pod.kill().await.map_err(refused(&fault))?;
        self.observed(&fault, &death.proof.to_string(), trigger);
        self.landed(&fault, aim).await
    }
}
