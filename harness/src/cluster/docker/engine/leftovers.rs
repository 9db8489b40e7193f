//! What runs left behind: found by label, told from what is alive by the run's lock, and removed.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use bollard::query_parameters::{ListContainersOptions, ListNetworksOptions, ListVolumesOptions};

use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::labels::{self, Owner};
use crate::cluster::docker::engine::removal::{INTERVAL, QUIET, Removed, remove_half_made, remove_project};
use crate::cluster::lock::cache::Cache;
use crate::cluster::lock::run_lock::{DeadRun, RunId, dead_runs};
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::Progress;

/// One cluster of ours on the engine, or what there is of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The Compose project.
    pub project: String,
    /// The run that brought it up.
    pub run: RunId,
    /// The slot within the run.
    pub slot: String,
    /// Whether anybody still needs it.
    pub fate: Fate,
    /// What there is of it.
    pub there: Removed,
}

/// Whether anybody still needs a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its run is alive, or cannot be judged from this machine: hands off.
    InUse,
    /// It was meant to outlive its run: only `down` removes it.
    Kept,
    /// Its run is gone.
    Orphaned,
}

/// Every cluster of ours on the engine, of any run, in the order of their names.
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
    let mut clusters = Clusters::default();
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
    Ok(clusters.0.into_values().collect())
}

/// Removes what nobody needs any more, and with `kept_too` also what was meant to stay. Says what it removed. Where a run was
/// killed, it takes a second longer: the engine may still be at work on that run's last request.
///
/// # Errors
/// The first that did not go; those before it are gone.
pub async fn remove_leftovers(
    engine: &Engine,
    kept_too: bool,
    progress: &dyn Progress,
) -> Result<Vec<Leftover>, ClusterError> {
    // Before the first look at the engine: a run that is killed later is the next one's to find.
    let cache = Cache::locate()?;
    let dead = dead_runs(&cache)?;
    let mut removed = Vec::new();
    for left in leftovers(engine).await? {
        let why = match left.fate {
            Fate::Orphaned => "its run is gone",
            Fate::Kept if kept_too => "it was kept until now",
            Fate::Kept | Fate::InUse => continue,
        };
        removed.push(remove(engine, left, why, progress).await?);
    }
    if !dead.is_empty() {
        removed.extend(bury(engine, &cache, &dead, progress).await?);
    }
    Ok(removed)
}

/// Sees to it that nothing more appears of runs that were killed, and forgets them.
async fn bury(
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
        // Nobody knows at what its run ended.
        Fate::Orphaned => remove_half_made(engine, &left.project).await?,
        Fate::Kept | Fate::InUse => remove_project(engine, &left.project).await?,
    };
    Ok(left)
}

/// Clusters by project.
#[derive(Debug, Default)]
struct Clusters(BTreeMap<String, Leftover>);

impl Clusters {
    fn add(&mut self, labels: &HashMap<String, String>, count: impl FnOnce(&mut Removed)) {
        let Some(owner) = Owner::read(labels) else { return };
        let cluster = self.0.entry(owner.project.clone()).or_insert_with(|| Leftover {
            fate: fate(&owner),
            project: owner.project,
            run: owner.run,
            slot: owner.slot,
            there: Removed::default(),
        });
        count(&mut cluster.there);
    }
}

fn fate(owner: &Owner) -> Fate {
    if owner.is_alive() {
        Fate::InUse
    } else if owner.kept && !owner.is_half_made() {
        Fate::Kept
    } else {
        Fate::Orphaned
    }
}
