//! Emptying the volumes of a stopped part, as after the loss of a disk.
//!
//! The engine's API cannot delete inside a volume, and a part's own image may hold nothing but the part. A helper container of
//! another part's image does it. The helper bears the labels of the part, so that it is found if the harness dies meanwhile, has
//! no network, and is removed at the end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::RemoveContainerOptions;

use crate::cluster::docker::engine::labels;
use crate::cluster::docker::engine::logs;
use crate::cluster::docker::handle::PartHandle;
use crate::cluster::part::error::ClusterError;

/// Longest for emptying, including the start of a container.
const EMPTYING: Duration = Duration::from_secs(30);
/// Path of the volume in the helper.
const SEEN_AT: &str = "/volume";
/// Counts the files, deletes everything, and counts the entries that are left.
const SCRIPT: &str =
    "set -e; find \"$0\" -type f | wc -l; find \"$0\" -mindepth 1 -delete; find \"$0\" -mindepth 1 | wc -l";

/// The outcome of emptying a part's volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Emptied {
    /// Number of files before.
    pub files: u64,
    /// Number of entries afterwards.
    pub left: u64,
}

impl PartHandle {
    /// Deletes everything on the volumes of a stopped part; `tools` is a part with a shell in its image.
    ///
    /// # Errors
    /// [`ClusterError::StillRunning`] if the part runs; the engine refuses, or the helper failed.
    pub async fn empty_volumes(&self, tools: &PartHandle) -> Result<Emptied, ClusterError> {
        if self.refresh().await?.pid > 0 {
            return Err(ClusterError::StillRunning {
                service: self.service().to_owned(),
                doing: "emptying its volumes",
            });
        }
        let doing = || format!("emptying the volumes of {}", self.service());
        let docker = self.engine().docker();
        let found = docker.inspect_container(&self.container(), None).await;
        let found = found.map_err(ClusterError::engine(doing()))?;
        let volumes = found.mounts.unwrap_or_default().into_iter();
        let volumes = volumes.filter(|mount| mount.typ.as_deref() == Some("volume"));
        let labels = ours(found.config.and_then(|config| config.labels).unwrap_or_default());
        let image = docker.inspect_container(&tools.container(), None).await;
        let image = image.map_err(ClusterError::engine(doing()))?.image;
        let mut sum = Emptied { files: 0, left: 0 };
        for volume in volumes.filter_map(|mount| mount.name) {
            let body = ContainerCreateBody {
                image: image.clone(),
                user: Some("0:0".to_owned()),
                entrypoint: Some(["/bin/sh", "-c", SCRIPT, SEEN_AT].map(str::to_owned).to_vec()),
                labels: Some(labels.clone()),
                host_config: Some(HostConfig {
                    binds: Some(vec![format!("{volume}:{SEEN_AT}")]),
                    network_mode: Some("none".to_owned()),
                    ..HostConfig::default()
                }),
                ..ContainerCreateBody::default()
            };
            let made = docker.create_container(None, body).await;
            let helper = made.map_err(ClusterError::engine(doing()))?.id;
            let emptied = tokio::time::timeout(EMPTYING, self.empty_with(&helper)).await;
            let remove = RemoveContainerOptions {
                force: true,
                v: true,
                ..RemoveContainerOptions::default()
            };
            let removed = docker.remove_container(&helper, Some(remove)).await;
            let emptied = match emptied {
                Ok(emptied) => emptied?,
                Err(_) => return Err(self.late("its volumes to be empty", EMPTYING, "not done").await),
            };
            removed.map_err(ClusterError::engine(doing()))?;
            sum.files += emptied.files;
            sum.left += emptied.left;
        }
        Ok(sum)
    }

    /// Runs the helper that empties a volume, and reads its output.
    async fn empty_with(&self, helper: &str) -> Result<Emptied, ClusterError> {
        let started = self.engine().docker().start_container(helper, None).await;
        started.map_err(ClusterError::engine(format!(
            "emptying the volumes of {}",
            self.service()
        )))?;
        let code = self.engine().exited(helper, None).await?;
        let said = logs::read(self.engine(), &[Arc::from(helper)], &logs::From::Beginning).await?;
        let said: Vec<&str> = said.iter().map(|line| line.text.trim()).collect();
        match counts(&said) {
            Some(emptied) if code == 0 => Ok(emptied),
            _ => {
                let seen = format!("exit code {code}: {}", said.join(" / "));
                Err(self.late("its volumes to be empty", EMPTYING, &seen).await)
            }
        }
    }
}

/// The labels that make a container the cluster's, without those that make it a part.
pub(super) fn ours(mut labels: HashMap<String, String>) -> HashMap<String, String> {
    labels.retain(|name, _| name.starts_with(labels::PREFIX));
    labels
}

fn counts(said: &[&str]) -> Option<Emptied> {
    let [files, left] = said else { return None };
    Some(Emptied {
        files: files.parse().ok()?,
        left: left.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_counts_are_read_or_nothing_is() {
        assert_eq!(counts(&["12", "0"]), Some(Emptied { files: 12, left: 0 }));
        assert_eq!(counts(&["12"]), None);
        assert_eq!(counts(&["find: no such directory", "0"]), None);
    }

    #[test]
    fn a_helper_is_the_clusters_and_no_part() {
        let labels = [(labels::RUN, "r1"), (labels::SERVICE, "nats")];
        let kept = ours(labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert_eq!(kept.keys().collect::<Vec<_>>(), [labels::RUN]);
    }
}
