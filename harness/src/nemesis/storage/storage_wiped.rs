//! `storage-wiped`: the broker is stopped and loses all that it has stored. Needs: that it runs. Observed: it has ended, its
//! volume held files, and holds nothing now. Healed: it is started again, with nothing, and serves; to make what is missing on it is
//! the pods' business.

use std::time::{Duration, Instant};

use crate::nemesis::{Nemesis, NemesisError, refused, unseen};
use crate::cluster::PartHandle;
use crate::history::Landing;

/// Its name.
const WIPED: &str = "storage-wiped";

impl Nemesis {
    /// Stops a dependency and empties its volumes; it is gone when this returns. One that has not ended within `grace` is killed.
    /// `tools` is a part whose image has a shell.
    ///
    /// # Errors
    /// It does not run, had stored nothing, or something of it is left.
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
