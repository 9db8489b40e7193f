//! `pause`: every process of a part is frozen; its sockets stay open.
//!
//! Needs: that the part runs. Observed: the kernel says that each thread is stopped, or the engine that the container is paused.
//! Healed by [`Nemesis::resume`]: the same witness says that it runs.

use std::time::Instant;

use crate::cluster::PartHandle;
use crate::history::Landing;
use crate::nemesis::Nemesis;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{Aim, refused};

impl Nemesis {
    /// Freezes a part.
    ///
    /// # Errors
    /// The engine refuses, or neither kernel nor engine says that the part is frozen.
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

    /// Unfreezes a part.
    ///
    /// # Errors
    /// The engine refuses, or neither kernel nor engine says that the part runs.
    pub async fn resume(&mut self, pod: &PartHandle) -> Result<(), NemesisError> {
        let fault = self.in_force_on("pause", pod);
        self.mending(&fault);
        pod.unpause().await.map_err(refused(&fault))?;
        self.mended(&fault);
        Ok(())
    }
}
