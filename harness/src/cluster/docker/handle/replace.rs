//! A stand-in: another container is the part for a while, as in a rolling update of a pod. The container that Compose made is
//! kept, stopped, and is the part again afterwards.
//!
//! The stand-in has all that the first one has, labels included, so that it is removed with its cluster, and one label more,
//! which distinguishes it from a part. Under the service's name the network leads to the one that runs.

use std::sync::Arc;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, ContainerInspectResponse, EndpointSettings, NetworkingConfig};
use bollard::query_parameters::CreateContainerOptions;

use crate::cluster::docker::engine::inspected;
use crate::cluster::docker::engine::labels::{self, RunLabels};
use crate::cluster::docker::engine::removal::remove_stand_ins;
use crate::cluster::docker::handle::PartHandle;
use crate::cluster::part::error::ClusterError;

impl PartHandle {
    /// Starts another container in the place of a part that has ended; it differs by these variables of its environment. It runs
    /// when this returns, and may not serve yet.
    ///
    /// # Errors
    /// The part runs, was replaced already, or the engine refuses.
    pub async fn replace(&self, variables: &[(&str, &str)]) -> Result<(), ClusterError> {
        if self.is_replaced() {
            return Err(self.late("to be what it was", Duration::ZERO, "replaced").await);
        }
        let docker = self.engine().docker();
        let own = self.container();
        let doing = |what: &str| ClusterError::engine(format!("{what} another container for {}", self.service()));
        let found = docker
            .inspect_container(&own, None)
            .await
            .map_err(doing("describing"))?;
        let labels = found.config.as_ref().and_then(|config| config.labels.clone());
        let labels = labels.unwrap_or_default();
        if let Some(run_labels) = RunLabels::read(&labels) {
            // The former stand-in was kept for its log.
            remove_stand_ins(self.engine(), &run_labels.project, Some(self.service())).await?;
        }
        let name = format!(
            "{}-other",
            found.name.as_deref().unwrap_or(&own).trim_start_matches('/')
        );
        let options = CreateContainerOptions {
            name: Some(name),
            ..CreateContainerOptions::default()
        };
        let body = like(found, &own, variables);
        let made = docker
            .create_container(Some(options), body)
            .await
            .map_err(doing("making"))?;
        // As for every container: its labels are checked by the engine's record before anything is done.
        let other: Arc<str> = made.id.into();
        let found = self.engine().inspect(&other).await?.labels;
        if labels.iter().any(|(name, value)| found.get(name) != Some(value)) {
            return Err(ClusterError::NotOurs {
                container: other.to_string(),
                found: format!("{found:?}"),
                wanted: format!("the container that it is to stand in for, {own}"),
            });
        }
        {
            let mut containers = self.containers();
            containers.other = Some(other);
            containers.stands_in = true;
        }
        self.launch().await.map(drop)
    }

    /// Returns true while another container stands in for the part's own.
    pub fn is_replaced(&self) -> bool {
        self.containers().stands_in
    }

    /// Makes the part's own container the part again, after the stand-in has ended. It does not start it.
    ///
    /// # Errors
    /// The stand-in runs, or the engine does not answer.
    pub async fn put_back(&self) -> Result<(), ClusterError> {
        if self.address().is_some() {
            return Err(self.late("its end", Duration::ZERO, "it runs").await);
        }
        self.containers().stands_in = false;
        self.refresh().await.map(drop)
    }
}

/// The description of a container that differs from a given one by some variables of its environment.
fn like(found: ContainerInspectResponse, id: &str, variables: &[(&str, &str)]) -> ContainerCreateBody {
    let config = found.config.unwrap_or_default();
    let mut env = config.env.unwrap_or_default();
    for (name, value) in variables {
        env.retain(|pair| pair.split_once('=').is_none_or(|(known, _)| known != *name));
        env.push(format!("{name}={value}"));
    }
    let mut labels = config.labels.unwrap_or_default();
    labels.insert(labels::STANDS_IN_FOR.to_owned(), id.to_owned());
    let networks = found
        .network_settings
        .and_then(|network| network.networks)
        .unwrap_or_default();
    // The service's name is one of the aliases. Engines add the container's id, which is left out.
    let endpoints = networks.into_iter().map(|(name, endpoint)| {
        let aliases = endpoint.aliases.unwrap_or_default();
        let aliases = aliases.into_iter().filter(|alias| !id.starts_with(alias.as_str()));
        let settings = EndpointSettings {
            aliases: Some(aliases.collect()),
            ..EndpointSettings::default()
        };
        (name, settings)
    });
    // A container that has joined another one's network has none of its own, and engines refuse exposed ports.
    let has_joined = found
        .host_config
        .as_ref()
        .is_some_and(|host| inspected::sandbox(host).is_some());
    let networking_config = (!has_joined).then(|| NetworkingConfig {
        endpoints_config: Some(endpoints.collect()),
    });
    ContainerCreateBody {
        user: config.user,
        exposed_ports: config.exposed_ports.filter(|_| !has_joined),
        env: Some(env),
        cmd: config.cmd,
        healthcheck: config.healthcheck,
        image: config.image,
        volumes: config.volumes,
        working_dir: config.working_dir,
        entrypoint: config.entrypoint,
        labels: Some(labels),
        stop_signal: config.stop_signal,
        stop_timeout: config.stop_timeout,
        host_config: found.host_config,
        networking_config,
        ..ContainerCreateBody::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bollard::models::{ContainerConfig, NetworkSettings};

    use super::*;

    #[test]
    fn the_other_one_differs_by_what_was_asked_for_and_by_its_label() {
        let pairs = |pairs: &[&str]| Some(pairs.iter().map(|pair| (*pair).to_owned()).collect::<Vec<_>>());
        let endpoint = EndpointSettings {
            aliases: pairs(&["pod-1", "c0ffee"]),
            ..EndpointSettings::default()
        };
        let found = ContainerInspectResponse {
            config: Some(ContainerConfig {
                hostname: Some("c0ffee".into()),
                env: pairs(&["A=1", "AB=2"]),
                labels: Some(HashMap::from([("dev.crosspod.run".to_owned(), "r1".to_owned())])),
                ..ContainerConfig::default()
            }),
            network_settings: Some(NetworkSettings {
                networks: Some(HashMap::from([("net".to_owned(), endpoint)])),
                ..NetworkSettings::default()
            }),
            ..ContainerInspectResponse::default()
        };
        let body = like(found, "c0ffee1234", &[("A", "x=y")]);
        assert_eq!((body.env, body.hostname), (pairs(&["AB=2", "A=x=y"]), None));
        let labels = body.labels.expect("labels");
        assert_eq!(labels["dev.crosspod.run"], "r1");
        assert_eq!(labels[labels::STANDS_IN_FOR], "c0ffee1234");
        let endpoints = body.networking_config.and_then(|network| network.endpoints_config);
        assert_eq!(endpoints.expect("endpoints")["net"].aliases, pairs(&["pod-1"]));
    }
}
