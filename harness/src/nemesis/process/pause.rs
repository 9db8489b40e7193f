//! `pause`: every process of a part is frozen; its sockets stay open.
//!
//! Needs: that the part runs. Observed: the kernel says that each thread is stopped, or the engine that the container is paused.
//! Healed by [`Nemesis::resume`]: the same witness says that it runs.

use std::time::Instant;

use crate::cluster::PartHandle;
use crate::history::{Effect, Landing};
use crate::nemesis::Nemesis;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{Aim, refused};
use crate::nemesis::kind::{EVERY_PART, FaultKind, FaultSite, On};
use crate::system::needs::{Need, Power};

/// The fault.
pub(in crate::nemesis) const FAULT: FaultKind = FaultKind {
    name: "pause",
    about: "every process of a part is frozen, and its sockets stay open",
    on: On::Part(EVERY_PART),
    needs: &[Need::Power(Power::Freeze)],
    effect: freezes,
};

fn freezes(site: &FaultSite) -> Effect {
    Effect {
        freezes: true,
        ..site.plain()
    }
}

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
        let fault = self.aimed(&FAULT, pod, aim);
        let frozen = pod.pause().await.map_err(refused(&fault))?;
        self.observed(&fault, &frozen.to_string(), trigger);
        self.landed(&fault, aim).await
    }

    /// Unfreezes a part.
    ///
    /// # Errors
    /// The engine refuses, or neither kernel nor engine says that the part runs.
    pub async fn resume(&mut self, pod: &PartHandle) -> Result<(), NemesisError> {
        let fault = self.in_force_on(&FAULT, pod);
        self.mending(&fault);
        pod.unpause().await.map_err(refused(&fault))?;
        self.mended(&fault);
        Ok(())
    }
}
