//! `stop`: a dependency is asked to end in good order.
//!
//! Needs: a running dependency. Observed: the engine has seen it end. Healed: it was restarted and serves.

use std::time::{Duration, Instant};

use crate::cluster::PartHandle;
use crate::history::{Ends, Landing};
use crate::nemesis::Nemesis;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::refused;
use crate::nemesis::kind::{DEPENDENCIES, FaultKind, On};
use crate::system::needs::{Need, Power};

/// The fault.
pub(in crate::nemesis) const FAULT: FaultKind = FaultKind {
    name: "stop",
    about: "a part that pods depend on is stopped in good order",
    on: On::Part(DEPENDENCIES),
    needs: &[Need::Power(Power::ProofOfDeath)],
    effect: |site| site.ended(Ends::InGoodOrder),
};

impl Nemesis {
    /// Stops a dependency; it is gone when this returns. After `grace` it is killed.
    ///
    /// # Errors
    /// The dependency does not run, may not be signalled, or is not seen to end.
    pub async fn stop(&mut self, dependency: &PartHandle, grace: Duration) -> Result<Landing, NemesisError> {
        let fault = self.aimed(&FAULT, dependency, None);
        let since = Instant::now();
        let exit = dependency.terminate(Some(grace)).await.map_err(refused(&fault))?;
        let proof = exit.map_or("gone".to_owned(), |exit| format!("exited with code {}", exit.code));
        self.observed(&fault, &proof, Some(since));
        self.landed(&fault, None).await
    }
}
