//! `storage-wiped`: the broker is stopped and loses its volume.
//!
//! Needs: that it runs. Observed: it has ended, its volume held files and holds none now. Healed: it was restarted, empty, and
//! serves; making what it lacks is up to the pods.

use std::time::{Duration, Instant};

use crate::cluster::{PartHandle, Role};
use crate::history::{Effect, Ends, Landing};
use crate::nemesis::Nemesis;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{refused, unseen};
use crate::nemesis::kind::{FaultKind, FaultSite, On};
use crate::system::needs::{Need, Power};

/// The fault.
pub(in crate::nemesis) const FAULT: FaultKind = FaultKind {
    name: "storage-wiped",
    about: "a part is stopped and loses its volumes",
    on: On::Part(&[Role::Nats, Role::Redis]),
    needs: &[Need::Power(Power::Volumes), Need::Power(Power::ProofOfDeath)],
    effect: wiped,
};

fn wiped(site: &FaultSite) -> Effect {
    Effect {
        loses_log: site.stored.holds_log,
        ..site.ended(Ends::InGoodOrder)
    }
}

impl Nemesis {
    /// Stops a dependency and empties its volumes; it is gone when this returns. After `grace` it is killed. `tools` is a part with
    /// a shell in its image.
    ///
    /// # Errors
    /// The dependency does not run, had stored nothing, or a file is left.
    pub async fn wipe_storage(
        &mut self,
        dependency: &PartHandle,
        tools: &PartHandle,
        grace: Duration,
    ) -> Result<Landing, NemesisError> {
        let fault = self.aimed(&FAULT, dependency, None);
        let since = Instant::now();
        let exit = dependency.terminate(Some(grace)).await.map_err(refused(&fault))?;
        let emptied = dependency.empty_volumes(tools).await.map_err(refused(&fault))?;
        if emptied.files == 0 || emptied.left > 0 {
            return Err(unseen(&fault, format!("{emptied:?}")));
        }
        let exit = exit.map_or("gone".to_owned(), |exit| format!("exited with code {}", exit.code));
        let proof = format!("{exit}; {} files deleted, none left", emptied.files);
        self.observed(&fault, &proof, Some(since));
        self.landed(&fault, None).await
    }
}
