//! Leftovers of runs: found by their labels, distinguished from live clusters by the run's lock, and removed.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use bollard::query_parameters::{ListContainersOptions, ListNetworksOptions, ListVolumesOptions};

use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::labels::{self, RunLabels};
use crate::cluster::docker::engine::removal::{INTERVAL, QUIET, Removed, remove_half_made, remove_project};
use crate::cluster::lock::cache::Cache;
use crate::cluster::lock::life::{Life, Locks};
use crate::cluster::lock::run_lock::{DeadRun, RunId, dead_runs};
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::Progress;

/// One cluster on the engine, or its remains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The Compose project.
    pub project: String,
    /// The run that brought it up.
    pub run: RunId,
    /// The slot within the run.
    pub slot: String,
    /// The run's lock, as `HOST:PATH`, by its labels.
    pub lock: String,
    /// Its use.
    pub fate: Fate,
    /// Numbers of its containers, networks and volumes.
    pub there: Removed,
}

/// The use of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its run is alive.
    InUse,
    /// The lock of its run is not visible from here: the run counts as alive.
    Unknown,
    /// It was meant to outlive its run: only `down` removes it.
    Kept,
    /// Its run is gone.
    Orphaned,
}

/// Every cluster on the engine, of any run, in the order of their names.
pub async fn leftovers(engine: &Engine) -> Result<Vec<Leftover>, ClusterError> {
    let docker = engine.docker();
    let filters = || Some(labels::ours());
    let containers = docker.list_containers(Some(ListContainersOptions {
        all: true,
        filters: filters(),
        ..Default::default()
    }));
    let networks = docker.list_networks(Some(ListNetworksOptions { filters: filters() }));
    let volumes = docker.list_volumes(Some(ListVolumesOptions { filters: filters() }));
    let found = tokio::try_join!(containers, networks, volumes);
    let (containers, networks, volumes) = found.map_err(ClusterError::engine("listing what is ours"))?;
    let mut clusters = Clusters {
        locks: Locks::here()?,
        found: BTreeMap::new(),
    };
    for labels in containers.into_iter().filter_map(|container| container.labels) {
        clusters.add(&labels, |there| there.containers += 1);
    }
    for labels in networks.into_iter().filter_map(|network| network.labels) {
        clusters.add(&labels, |there| there.networks += 1);
    }
    for labels in volumes
        .volumes
        .unwrap_or_default()
        .into_iter()
        .map(|volume| volume.labels)
    {
        clusters.add(&labels, |there| there.volumes += 1);
    }
    Ok(clusters.found.into_values().collect())
}

/// Removes orphaned clusters, and with `kept_too` also kept ones. Returns them. After a killed run it takes a second longer: the
/// engine may still carry out that run's last request.
///
/// # Errors
/// The first cluster that could not be removed; the ones before it are gone.
pub async fn remove_leftovers(
    engine: &Engine,
    kept_too: bool,
    progress: &dyn Progress,
) -> Result<Vec<Leftover>, ClusterError> {
    // Before the first look at the engine: a run that is killed later is left to the next call.
    let cache = Cache::locate()?;
    let dead = dead_runs(&cache)?;
    let locks = Locks::here()?;
    let mut removed = Vec::new();
    for left in leftovers(engine).await? {
        let why = match left.fate {
            Fate::Orphaned => "its run is gone",
            Fate::Kept if kept_too && !locks.is_in_use(&left.project) => "it was kept until now",
            Fate::Kept | Fate::InUse | Fate::Unknown => continue,
        };
        removed.push(remove(engine, left, why, progress).await?);
    }
    if !dead.is_empty() {
        removed.extend(await_and_forget(engine, &cache, &dead, progress).await?);
    }
    Ok(removed)
}

/// Removes the clusters of one run, because its user says that the run is over.
///
/// # Errors
/// [`ClusterError::Spec`] if the run's lock is held.
pub async fn remove_run(engine: &Engine, run: &str, progress: &dyn Progress) -> Result<Vec<Leftover>, ClusterError> {
    let mut removed = Vec::new();
    for mut left in leftovers(engine)
        .await?
        .into_iter()
        .filter(|left| left.run.as_str() == run)
    {
        if left.fate == Fate::InUse {
            return Err(ClusterError::Spec {
                what: format!("removal of {}", left.project),
                why: format!("its run {run} is alive; end the run first"),
            });
        }
        progress.step(&format!("removing {}: named by --run", left.project));
        left.there = remove_half_made(engine, &left.project).await?;
        removed.push(left);
    }
    Ok(removed)
}

/// Waits until nothing more of killed runs appears on the engine, removes what does, and forgets the runs.
async fn await_and_forget(
    engine: &Engine,
    cache: &Cache,
    dead: &[DeadRun],
    progress: &dyn Progress,
) -> Result<Vec<Leftover>, ClusterError> {
    let mut removed = Vec::new();
    let mut nothing_since = Instant::now();
    while nothing_since.elapsed() < QUIET {
        tokio::time::sleep(INTERVAL).await;
        for left in leftovers(engine).await? {
            if left.fate == Fate::Orphaned && dead.iter().any(|run| *run.id() == left.run) {
                removed.push(remove(engine, left, "its run is gone", progress).await?);
                nothing_since = Instant::now();
            }
        }
    }
    for run in dead {
        run.forget(cache)?;
    }
    Ok(removed)
}

async fn remove(
    engine: &Engine,
    mut left: Leftover,
    why: &str,
    progress: &dyn Progress,
) -> Result<Leftover, ClusterError> {
    progress.step(&format!("removing {}: {why}", left.project));
    left.there = match left.fate {
        // Its run may have ended in the middle of making it.
        Fate::Orphaned => remove_half_made(engine, &left.project).await?,
        Fate::Kept | Fate::InUse | Fate::Unknown => remove_project(engine, &left.project).await?,
    };
    Ok(left)
}

/// Clusters by project, as they are found.
#[derive(Debug)]
struct Clusters {
    locks: Locks,
    found: BTreeMap<String, Leftover>,
}

impl Clusters {
    fn add(&mut self, labels: &HashMap<String, String>, count: impl FnOnce(&mut Removed)) {
        let Some(run_labels) = RunLabels::read(labels) else {
            return;
        };
        let locks = &self.locks;
        let cluster = self
            .found
            .entry(run_labels.project.clone())
            .or_insert_with(|| Leftover {
                fate: fate(&run_labels, locks),
                project: run_labels.project,
                run: run_labels.run,
                slot: run_labels.slot,
                lock: run_labels.lock,
                there: Removed::default(),
            });
        count(&mut cluster.there);
    }
}

fn fate(run_labels: &RunLabels, locks: &Locks) -> Fate {
    match run_labels.life(locks) {
        Life::Alive => Fate::InUse,
        Life::Unknown => Fate::Unknown,
        Life::Over if run_labels.kept && !locks.left_half_made(&run_labels.run, &run_labels.project) => Fate::Kept,
        Life::Over => Fate::Orphaned,
    }
}
