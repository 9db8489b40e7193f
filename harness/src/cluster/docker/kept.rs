//! Finds a kept cluster that fits a run: same design, same defects, the same compose file.

use crate::cluster::docker::cluster::Cluster;
use crate::cluster::docker::compose::Compose;
use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::guard::Claim;
use crate::cluster::docker::engine::leftovers::{Fate, leftovers};
use crate::cluster::docker::topology::Source;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::Progress;
use crate::cluster::spec::ClusterSpec;

impl Cluster {
    /// Checks out a kept cluster that fits the spec. Returns `None` if there is none, or if another process uses it.
    ///
    /// # Errors
    /// The engine does not answer, or an image is not available.
    pub async fn kept(
        engine: &Engine,
        spec: &ClusterSpec,
        progress: &dyn Progress,
    ) -> Result<Option<Self>, ClusterError> {
        let kept: Vec<_> = leftovers(engine)
            .await?
            .into_iter()
            .filter(|left| left.fate == Fate::Kept)
            .collect();
        if kept.is_empty() {
            return Ok(None);
        }
        let compose = Compose::find().await?;
        let source = Source::read(&compose, spec).await?;
        let images = source.images(engine, spec, progress).await?;
        let wanted = source.topology(engine, spec, &images)?;
        for left in kept {
            let Some(mut cluster) = Self::attach(engine, &left.project).await? else {
                progress.step(&format!("{}: kept, but another process uses it", left.project));
                continue;
            };
            if cluster.design() != spec.design || cluster.defects() != spec.defects {
                progress.step(&format!(
                    "{}: kept, but with another design or other defects",
                    left.project
                ));
            } else if cluster.file != wanted.hash {
                progress.step(&format!(
                    "{}: kept, but of other images, variables or services",
                    left.project
                ));
            } else {
                progress.step(&format!("{}: using the kept cluster", left.project));
                cluster.adopt(spec, &wanted, &Claim::Kept)?;
                if let Some(edge) = cluster.edge().filter(|edge| edge.wanted().candidate.is_some()) {
                    // A run that was killed may have left it.
                    edge.candidate()?.remove().await?;
                }
                return Ok(Some(cluster));
            }
        }
        Ok(None)
    }
}
