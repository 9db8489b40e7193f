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

/// The differences of a stand-in from the container that it stands in for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Difference<'d> {
    /// Variables of its environment.
    pub variables: &'d [(&'d str, &'d str)],
    /// Labels that it has in addition, or with another value.
    pub labels: &'d [(&'d str, &'d str)],
    /// Beginnings of the names of labels that it lacks.
    pub without_labels: &'d [&'d str],
}

impl Difference<'_> {
    /// True if a container's own label is to be the stand-in's too. Those of crosspod and of Compose always are.
    fn keeps(&self, label: &str) -> bool {
        let is_kept = label.starts_with(labels::PREFIX) || label == labels::SERVICE;
        let is_other = self.labels.iter().any(|(name, _)| *name == label);
        let is_gone = self.without_labels.iter().any(|beginning| label.starts_with(beginning));
        is_kept || !(is_other || is_gone)
    }
}

impl PartHandle {
    /// Starts another container in the place of a part that has ended; it differs by some variables and labels. It runs when this
    /// returns, and may not serve yet.
    ///
    /// # Errors
    /// The part runs, was replaced already, or the engine refuses.
    pub async fn replace(&self, difference: &Difference<'_>) -> Result<(), ClusterError> {
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
        let body = like(found, &own, difference);
        let made = docker
            .create_container(Some(options), body)
            .await
            .map_err(doing("making"))?;
        // As for every container: its labels are checked by the engine's record before anything is done.
        let other: Arc<str> = made.id.into();
        let found = self.engine().inspect(&other).await?.labels;
        let mut kept = labels.iter().filter(|(name, _)| difference.keeps(name));
        if kept.any(|(name, value)| found.get(name) != Some(value)) {
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

/// The description of a container that differs from a given one by some variables and labels.
fn like(found: ContainerInspectResponse, id: &str, difference: &Difference<'_>) -> ContainerCreateBody {
    let config = found.config.unwrap_or_default();
    let mut env = config.env.unwrap_or_default();
    for (name, value) in difference.variables {
        env.retain(|pair| pair.split_once('=').is_none_or(|(known, _)| known != *name));
        env.push(format!("{name}={value}"));
    }
    let mut labels = config.labels.unwrap_or_default();
    labels.retain(|name, _| difference.keeps(name));
    let others = difference
        .labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    labels.extend(others);
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
                labels: Some(
                    [
                        ("dev.crosspod.run", "r1"),
                        ("edge.sticky.name", "c"),
                        ("edge.port", "80"),
                        ("edge.rule", "a"),
                    ]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
                ),
                ..ContainerConfig::default()
            }),
            network_settings: Some(NetworkSettings {
                networks: Some(HashMap::from([("net".to_owned(), endpoint)])),
                ..NetworkSettings::default()
            }),
            ..ContainerInspectResponse::default()
        };
        let difference = Difference {
            variables: &[("A", "x=y")],
            labels: &[("edge.rule", "b")],
            without_labels: &["edge.sticky.", "dev.crosspod."],
        };
        let body = like(found, "c0ffee1234", &difference);
        assert_eq!((body.env, body.hostname), (pairs(&["AB=2", "A=x=y"]), None));
        let labels = body.labels.expect("labels");
        assert_eq!(labels["dev.crosspod.run"], "r1", "crosspod's own are not taken away");
        assert_eq!((&*labels["edge.port"], &*labels["edge.rule"]), ("80", "b"));
        assert!(!labels.contains_key("edge.sticky.name"), "{labels:?}");
        assert_eq!(labels[labels::STANDS_IN_FOR], "c0ffee1234");
        let endpoints = body.networking_config.and_then(|network| network.endpoints_config);
        assert_eq!(endpoints.expect("endpoints")["net"].aliases, pairs(&["pod-1"]));
    }
}
