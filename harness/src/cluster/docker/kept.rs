//! Finds a kept cluster that fits a run: same design, same defects, same images.

use crate::cluster::docker::cluster::Cluster;
use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::leftovers::{Fate, leftovers};
use crate::cluster::docker::images;
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
        let wanted = images::provide(engine, progress).await?;
        for left in kept {
            let Some(cluster) = Self::attach(engine, &left.project).await? else {
                progress.step(&format!("{}: kept, but another process uses it", left.project));
                continue;
            };
            let runs = |reference: &str| cluster.images().iter().any(|image| image.reference == reference);
            let outdated = wanted.iter().find(|image| !runs(&image.reference));
            if let Some(image) = outdated {
                progress.step(&format!("{}: kept, but does not run {}", left.project, image.reference));
            } else if cluster.design() != spec.design || cluster.defects() != spec.defects {
                progress.step(&format!(
                    "{}: kept, but with another design or other defects",
                    left.project
                ));
            } else {
                progress.step(&format!("{}: using the kept cluster", left.project));
                return Ok(Some(cluster));
            }
        }
        Ok(None)
    }
}
