//! `storage-wiped`: the broker is stopped and loses its volume.
//!
//! Needs: that it runs. Observed: it has ended, its volume held files and holds none now. Healed: it was restarted, empty, and
//! serves; making what it lacks is up to the pods.

use std::time::{Duration, Instant};

use crate::cluster::PartHandle;
use crate::history::Landing;
use crate::nemesis::Nemesis;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{refused, unseen};

/// Name of the fault.
const WIPED: &str = "storage-wiped";

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
        let fault = self.aimed(WIPED, dependency, None);
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
