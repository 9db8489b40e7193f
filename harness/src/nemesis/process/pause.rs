//! `pause`: every process of a pod or dependency is frozen, its sockets stay open. Needs: that it runs. Observed: the kernel says
//! that each of its threads is stopped, or the engine that it is paused. Healed by [`Nemesis::resume`]: the same one says
//! that it runs.

use std::time::Instant;

use crate::nemesis::{Aim, Nemesis, NemesisError, refused};
use crate::cluster::PartHandle;
use crate::history::Landing;

impl Nemesis {
    /// Freezes a pod or a dependency.
    ///
    /// # Errors
    /// The engine refuses or nobody says that it is frozen.
    pub async fn pause(
        &mut self,
        pod: &PartHandle,
        aim: Option<&Aim>,
        trigger: Option<Instant>,
    ) -> Result<Landing, NemesisError> {
        let fault = self.aimed("pause", pod, aim);
        let frozen = pod.pause().await.map_err(refused(&fault))?;
        self.observed(&fault, &frozen.to_string(), trigger);
        self.landed(&fault, aim).await
    }

    /// Lets what is frozen go on.
    ///
    /// # Errors
    /// The engine refuses or nobody says that it runs.
    pub async fn resume(&mut self, pod: &PartHandle) -> Result<(), NemesisError> {
        let fault = self.in_force_on("pause", pod);
        self.mending(&fault);
        pod.unpause().await.map_err(refused(&fault))?;
        self.mended(&fault);
        Ok(())
    }
}
