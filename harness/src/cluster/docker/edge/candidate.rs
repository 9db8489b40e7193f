//! The candidate: a service that is no pod until a story starts it beside the pods.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bollard::models::ContainerSummary;
use bollard::query_parameters::{ListContainersOptions, RemoveContainerOptions};

use crate::cluster::docker::compose::Compose;
use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::guard::Claim;
use crate::cluster::docker::engine::labels;
use crate::cluster::docker::handle::PartHandle;
use crate::cluster::lock::cache::Cache;
use crate::cluster::lock::written::WrittenFile;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::role::Part;

/// The candidate of a cluster.
#[derive(Debug)]
pub struct Candidate {
    pub(super) engine: Engine,
    pub(super) project: String,
    pub(super) claim: Claim,
    /// The candidate's service, and the one that holds its network.
    pub(super) services: Vec<String>,
    pub(super) service: String,
    pub(super) ready_bound: Duration,
    /// The handle while it is there.
    pub(super) started: Mutex<Option<PartHandle>>,
}

impl Candidate {
    /// The name of its service, which is what it calls itself.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The candidate while it is there: from [`Candidate::start`] until [`Candidate::remove`].
    pub fn handle(&self) -> Option<PartHandle> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Starts it beside the pods, and waits until it serves. The edge leads nobody to it yet.
    ///
    /// # Errors
    /// Compose or the engine refuses, or it does not become ready: after a crash with its exit code and last lines.
    pub async fn start(&self) -> Result<PartHandle, ClusterError> {
        if let Some(there) = self.handle() {
            there.start().await?;
            return Ok(there);
        }
        let compose = Compose::find().await?;
        let file = WrittenFile::of(&Cache::locate()?, &self.project)?;
        compose.up_beside(&self.engine, &file, &self.services).await?;
        let found = self.containers().await?.into_iter().find_map(|container| {
            let labels = container.labels?;
            let part = Part::from_label(labels.get(labels::SERVICE)?, labels.get(labels::PART)?)?;
            Some((part, container.id?))
        });
        let (part, container) = found.ok_or_else(|| ClusterError::NoSuchPart {
            service: self.service.clone(),
            project: self.project.clone(),
            has: "none, although Compose reported success".into(),
        })?;
        let engine = self.engine.clone();
        let handle = PartHandle::claim(&self.claim, &self.project, engine, part, container, self.ready_bound).await?;
        *self.started.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle.clone());
        handle.ready("as a candidate", self.ready_bound).await?;
        Ok(handle)
    }

    /// Takes it away, whether it runs or not. Does nothing if it is not there.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn remove(&self) -> Result<(), ClusterError> {
        let containers = self.containers().await?;
        for container in containers.into_iter().filter_map(|container| container.id) {
            let options = RemoveContainerOptions {
                force: true,
                ..Default::default()
            };
            let removed = self.engine.docker().remove_container(&container, Some(options)).await;
            removed.map_err(ClusterError::engine(format!("removing container {container}")))?;
        }
        *self.started.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    /// The containers of its services.
    async fn containers(&self) -> Result<Vec<ContainerSummary>, ClusterError> {
        let options = ListContainersOptions {
            all: true,
            filters: Some(labels::of_project(&self.project)),
            ..Default::default()
        };
        let listed = self.engine.docker().list_containers(Some(options)).await;
        let mut listed = listed.map_err(ClusterError::engine(format!(
            "listing the candidate of {}",
            self.project
        )))?;
        let is_ours = |container: &ContainerSummary| {
            let service = container.labels.as_ref().and_then(|labels| labels.get(labels::SERVICE));
            service.is_some_and(|service| self.services.contains(service))
        };
        listed.retain(is_ours);
        Ok(listed)
    }
}
