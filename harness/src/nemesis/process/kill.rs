//! `kill`: SIGKILL to the process of a part, or to those of several parts at the same moment.
//!
//! Needs: that the part runs. Observed: the kernel says that the process is gone. Healed: the part was restarted and is ready.

use std::time::Instant;

use crate::cluster::PartHandle;
use crate::history::{Ends, Landing};
use crate::nemesis::Nemesis;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{Aim, refused};
use crate::nemesis::kind::{EVERY_PART, FaultKind, On};
use crate::system::needs::{Need, Power};

/// The fault.
pub(in crate::nemesis) const FAULT: FaultKind = FaultKind {
    name: "kill",
    about: "a part's process is killed without a word",
    on: On::Part(EVERY_PART),
    needs: &[Need::Power(Power::ProofOfDeath)],
    effect: |site| site.ended(Ends::AtOnce),
};

impl Nemesis {
    /// Kills a part; it is dead when this returns. `trigger` is the time at which the event that set this off was seen.
    ///
    /// # Errors
    /// The part does not run, may not be signalled, or its death cannot be proven.
    pub async fn kill(
        &mut self,
        pod: &PartHandle,
        aim: Option<&Aim>,
        trigger: Option<Instant>,
    ) -> Result<Landing, NemesisError> {
        let mut landings = self.kill_together(&[(pod, aim)], trigger).await?;
        Ok(landings.pop().expect("one for each that was killed"))
    }

    /// Kills parts at the same moment; all are dead when this returns. Returns the landing of each, in their order.
    ///
    /// # Errors
    /// As for [`Nemesis::kill`], of any part; the others are dead all the same.
    pub async fn kill_together(
        &mut self,
        pods: &[(&PartHandle, Option<&Aim>)],
        trigger: Option<Instant>,
    ) -> Result<Vec<Landing>, NemesisError> {
        let faults: Vec<_> = pods.iter().map(|(pod, aim)| self.aimed(&FAULT, pod, *aim)).collect();
        let parts: Vec<_> = pods.iter().map(|(pod, _)| *pod).collect();
        let deaths = PartHandle::kill_together(&parts).await;
        for (fault, death) in faults.iter().zip(&deaths) {
            if let Ok(death) = death {
                let effect = trigger.map(|trigger| death.known_at.duration_since(trigger));
                self.observed_after(fault, &death.proof.to_string(), effect);
            }
        }
        let mut landings = Vec::new();
        for ((fault, death), (_, aim)) in faults.iter().zip(deaths).zip(pods) {
            death.map_err(refused(fault))?;
            landings.push(self.landed(fault, *aim).await?);
        }
        Ok(landings)
    }
}
