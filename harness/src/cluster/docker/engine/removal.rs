//! Removes a cluster, by label and through the engine: fast, and without Compose.

use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::errors::Error as EngineError;
use bollard::query_parameters::{
    ListContainersOptions, ListNetworksOptions, ListVolumesOptions, RemoveContainerOptions, RemoveVolumeOptions,
};
use futures_util::future::join_all;

use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::labels;
use crate::cluster::lock::cache::Cache;
use crate::cluster::lock::check_out::forget_check_out;
use crate::cluster::lock::written;
use crate::cluster::part::error::ClusterError;

/// Longest for a removal: the engine first ends the containers that run.
const REMOVAL_BOUND: Duration = Duration::from_mins(1);
/// Pause between two looks at the remains.
pub(in crate::cluster) const INTERVAL: Duration = Duration::from_millis(100);
/// Time for which a half-made cluster must stay empty. The engine carries out the last request of a dead program, and making a
/// network or a container takes some tenths of a second.
pub(in crate::cluster) const QUIET: Duration = Duration::from_secs(1);

/// Numbers of removed things.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// Containers.
    pub containers: usize,
    /// Networks.
    pub networks: usize,
    /// Volumes.
    pub volumes: usize,
}

impl std::fmt::Display for Removed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            containers,
            networks,
            volumes,
        } = self;
        write!(f, "{containers} containers, {networks} networks, {volumes} volumes")
    }
}

/// The remains of a project, by the engine's ids.
#[derive(Debug, Default)]
struct Remains {
    containers: Vec<String>,
    networks: Vec<String>,
    volumes: Vec<String>,
}

/// Removes everything of one project, with its stores. Does nothing if nothing is there, and may be called twice.
///
/// # Errors
/// [`ClusterError::StillThere`] if something is left after a minute.
pub async fn remove_project(engine: &Engine, project: &str) -> Result<Removed, ClusterError> {
    remove_until_quiet(engine, project, Duration::ZERO).await
}

/// Removes everything of a half-made project: more of it may still appear, because the process that made it has just failed or
/// died. Takes a second longer than [`remove_project`].
///
/// # Errors
/// As for [`remove_project`].
pub async fn remove_half_made(engine: &Engine, project: &str) -> Result<Removed, ClusterError> {
    remove_until_quiet(engine, project, QUIET).await
}

/// Removes the stand-ins of a project's parts, or of one part. The parts' own containers stay.
///
/// # Errors
/// The engine refuses.
pub(in crate::cluster) async fn remove_stand_ins(
    engine: &Engine,
    project: &str,
    service: Option<&str>,
) -> Result<(), ClusterError> {
    let mut filters = labels::of_project(project);
    let of_service = service.map(|service| format!("{}={service}", labels::SERVICE));
    let labels = filters.entry("label".to_owned()).or_default();
    labels.push(labels::STANDS_IN_FOR.to_owned());
    labels.extend(of_service);
    let options = ListContainersOptions {
        all: true,
        filters: Some(filters),
        ..Default::default()
    };
    let listed = engine.docker().list_containers(Some(options)).await;
    let listed = listed.map_err(ClusterError::engine(format!(
        "listing what stands in for parts of {project}"
    )))?;
    for container in listed.into_iter().filter_map(|container| container.id) {
        let options = RemoveContainerOptions {
            force: true,
            ..Default::default()
        };
        let removed = engine.docker().remove_container(&container, Some(options)).await;
        removed.map_err(ClusterError::engine(format!("removing container {container}")))?;
    }
    Ok(())
}

async fn remove_until_quiet(engine: &Engine, project: &str, quiet: Duration) -> Result<Removed, ClusterError> {
    let began = Instant::now();
    let mut nothing_since = None;
    let mut removed = Removed::default();
    let mut last_refusal = None;
    loop {
        let remains = Remains::of(engine.docker(), project).await?;
        if remains.is_empty() {
            if nothing_since.get_or_insert_with(Instant::now).elapsed() >= quiet {
                forget_check_out(project)?;
                written::forget(&Cache::locate()?, project)?;
                return Ok(removed);
            }
            tokio::time::sleep(INTERVAL).await;
            continue;
        }
        nothing_since = None;
        if began.elapsed() > REMOVAL_BOUND {
            let left = remains.describe(last_refusal.as_ref());
            return Err(ClusterError::StillThere {
                project: project.to_owned(),
                bound: REMOVAL_BOUND,
                left,
            });
        }
        if last_refusal.is_some() {
            tokio::time::sleep(INTERVAL).await;
        }
        last_refusal = remains.remove(engine.docker(), &mut removed).await;
    }
}

impl Remains {
    async fn of(docker: &Docker, project: &str) -> Result<Self, ClusterError> {
        let filters = || Some(labels::of_project(project));
        let containers = docker.list_containers(Some(ListContainersOptions {
            all: true,
            filters: filters(),
            ..Default::default()
        }));
        let networks = docker.list_networks(Some(ListNetworksOptions { filters: filters() }));
        let volumes = docker.list_volumes(Some(ListVolumesOptions { filters: filters() }));
        let found = tokio::try_join!(containers, networks, volumes);
        let (containers, networks, volumes) =
            found.map_err(ClusterError::engine(format!("listing what there is of {project}")))?;
        Ok(Self {
            containers: containers.into_iter().filter_map(|container| container.id).collect(),
            networks: networks.into_iter().filter_map(|network| network.id).collect(),
            volumes: volumes
                .volumes
                .unwrap_or_default()
                .into_iter()
                .map(|volume| volume.name)
                .collect(),
        })
    }

    fn is_empty(&self) -> bool {
        self.containers.is_empty() && self.networks.is_empty() && self.volumes.is_empty()
    }

    fn describe(&self, refusal: Option<&EngineError>) -> String {
        let all = [&self.containers, &self.networks, &self.volumes].map(|names| names.join(" "));
        let refusal = refusal.map(|error| format!(" (last: {error})")).unwrap_or_default();
        format!("{}{refusal}", all.join(" ").trim())
    }

    /// Removes all that it can, in the order of their dependencies. Returns one of the refusals.
    async fn remove(&self, docker: &Docker, removed: &mut Removed) -> Option<EngineError> {
        let force = RemoveContainerOptions {
            force: true,
            v: true,
            ..Default::default()
        };
        let ends = self
            .containers
            .iter()
            .map(|id| docker.remove_container(id, Some(force.clone())));
        let mut refusal = count(join_all(ends).await, &mut removed.containers);
        let ends = self.networks.iter().map(|id| docker.remove_network(id));
        refusal = count(join_all(ends).await, &mut removed.networks).or(refusal);
        let ends = self
            .volumes
            .iter()
            .map(|name| docker.remove_volume(name, None::<RemoveVolumeOptions>));
        count(join_all(ends).await, &mut removed.volumes).or(refusal)
    }
}

/// Counts the removals, and returns one refusal. A thing that is gone already is not a refusal.
fn count(outcomes: Vec<Result<(), EngineError>>, gone: &mut usize) -> Option<EngineError> {
    let mut refusal = None;
    for outcome in outcomes {
        match outcome {
            Ok(()) => *gone += 1,
            Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => {}
            Err(error) => refusal = Some(error),
        }
    }
    refusal
}
