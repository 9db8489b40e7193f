//! `stop`: a dependency is told to end in good order. Needs: a running dependency. Observed: the engine has seen it end.
//! Healed: it is started again and serves.

use std::time::{Duration, Instant};

use crate::nemesis::{Nemesis, NemesisError, refused};
use crate::cluster::PartHandle;
use crate::history::Landing;

impl Nemesis {
    /// Stops a dependency; it is gone when this returns. One that is not gone within `grace` is killed.
    ///
    /// # Errors
    /// It does not run, may not be signalled, or is not seen to end.
    pub async fn stop(&mut self, dependency: &PartHandle, grace: Duration) -> Result<Landing, NemesisError> {
        let fault = self.aimed("stop", dependency, None);
        let since = Instant::now();
        let exit = dependency.terminate(Some(grace)).await.map_err(refused(&fault))?;
        let proof = exit.map_or("gone".to_owned(), |exit| format!("exited with code {}", exit.code));
        self.observed(&fault, &proof, Some(since));
        self.landed(&fault, None).await
    }
}
