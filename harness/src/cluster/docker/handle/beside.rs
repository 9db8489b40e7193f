//! Shows those who follow the engine's events that something has started.

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::RemoveContainerOptions;

use super::PartHandle;
use super::volume::ours;
use crate::cluster::part::error::ClusterError;

impl PartHandle {
    /// Starts a container of the part's own image beside it and removes it at once, whatever it does. It belongs to the cluster and is no
    /// part of it. Whoever discovers containers by the engine's events looks at all of them again.
    ///
    /// # Errors
    /// The engine refuses.
    pub(in crate::cluster) async fn show_a_start(&self) -> Result<(), ClusterError> {
        let doing = || format!("starting a container beside {}", self.service());
        let docker = self.engine().docker();
        let found = docker.inspect_container(&self.container(), None).await;
        let found = found.map_err(ClusterError::engine(doing()))?;
        let body = ContainerCreateBody {
            image: found.image,
            cmd: Some(vec!["version".to_owned()]),
            labels: Some(ours(found.config.and_then(|config| config.labels).unwrap_or_default())),
            host_config: Some(HostConfig {
                network_mode: Some("none".to_owned()),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let made = docker.create_container(None, body).await;
        let made = made.map_err(ClusterError::engine(doing()))?.id;
        let started = docker.start_container(&made, None).await;
        let remove = RemoveContainerOptions {
            force: true,
            v: true,
            ..RemoveContainerOptions::default()
        };
        let removed = docker.remove_container(&made, Some(remove)).await;
        started.map_err(ClusterError::engine(doing()))?;
        removed.map_err(ClusterError::engine(doing()))
    }
}
