//! `pause`: every process of a pod or dependency is frozen, its sockets stay open. Needs: that it runs. Observed: the engine says that it
//! is paused. Healed by [`Nemesis::resume`]: the engine says that it runs.

use std::time::Instant;

use super::{Aim, Nemesis, NemesisError, refused};
use crate::cluster::PartHandle;
use crate::history::Landing;

impl Nemesis {
    /// Freezes a pod or a dependency.
    ///
    /// # Errors
    /// The engine refuses or does not say that it is paused.
    pub async fn pause(
        &mut self,
        pod: &PartHandle,
        aim: Option<&Aim>,
        trigger: Option<Instant>,
    ) -> Result<Landing, NemesisError> {
        let fault = self.aimed("pause", pod, aim);
        pod.pause().await.map_err(refused(&fault))?;
        self.observed(&fault, "the engine says paused", trigger);
        self.landed(&fault, aim).await
    }

    /// Lets what is frozen go on.
    ///
    /// # Errors
    /// The engine refuses or does not say that it runs.
    pub async fn resume(&mut self, pod: &PartHandle) -> Result<(), NemesisError> {
        let fault = self.in_force_on("pause", pod);
        self.mending(&fault);
        pod.unpause().await.map_err(refused(&fault))?;
        self.mended(&fault);
        Ok(())
    }
}
