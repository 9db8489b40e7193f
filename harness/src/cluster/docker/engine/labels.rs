//! The labels of everything that a run starts: by them it is found again, and nothing without them is touched.

use std::collections::{BTreeMap, HashMap};

use crate::cluster::lock::folder::host_name;
use crate::cluster::lock::life::{Life, Locks};
use crate::cluster::lock::run_lock::{RunId, RunTag};

/// Prefix of the project's labels.
pub(in crate::cluster) const PREFIX: &str = "dev.crosspod.";
/// Label of everything that a run starts; its value is the run's name.
pub(in crate::cluster) const RUN: &str = "dev.crosspod.run";
const SLOT: &str = "dev.crosspod.slot";
const KEPT: &str = "dev.crosspod.kept";
const HOST: &str = "dev.crosspod.host";
const LOCK: &str = "dev.crosspod.lock";
const LOCK_FOLDER: &str = "dev.crosspod.lock-folder";
pub(in crate::cluster) const DESIGN: &str = "dev.crosspod.design";
pub(in crate::cluster) const DEFECTS: &str = "dev.crosspod.defects";
const PROJECT: &str = "dev.crosspod.project";
/// Label of everything of a cluster: a hash of its compose file.
pub(in crate::cluster) const FILE: &str = "dev.crosspod.file";
/// Label of a part; its value is the part's description as JSON.
pub(in crate::cluster) const PART: &str = "dev.crosspod.part";
/// Label of a stand-in; its value is the part's own container.
pub(in crate::cluster) const STANDS_IN_FOR: &str = "dev.crosspod.stands-in-for";
/// Label of Compose: the service of a container.
pub(in crate::cluster) const SERVICE: &str = "com.docker.compose.service";

/// The labels of everything of a cluster.
pub(in crate::cluster) fn of_cluster(run: &RunTag, project: &str, slot: u16, kept: bool) -> BTreeMap<String, String> {
    let labels = [
        (RUN, run.id().to_string()),
        (SLOT, slot.to_string()),
        (KEPT, kept.to_string()),
        (HOST, host_name()),
        (LOCK, run.lock().display().to_string()),
        (LOCK_FOLDER, run.lock_folder().to_owned()),
        (PROJECT, project.to_owned()),
    ];
    labels.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Filter of the engine's lists for everything that any run has started.
pub(in crate::cluster) fn ours() -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![RUN.to_owned()])])
}

/// Filter of the engine's lists for everything of one project.
pub(in crate::cluster) fn of_project(project: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![RUN.to_owned(), format!("{PROJECT}={project}")])])
}

/// The labels of a container, network or volume: the run that started it, and the cluster that it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cluster) struct RunLabels {
    pub(in crate::cluster) run: RunId,
    pub(in crate::cluster) project: String,
    pub(in crate::cluster) slot: String,
    pub(in crate::cluster) kept: bool,
    pub(in crate::cluster) design: String,
    pub(in crate::cluster) defects: Vec<String>,
    /// A hash of the compose file that it was brought up with.
    pub(in crate::cluster) file: String,
    /// The run's lock, as `HOST:PATH`, for people.
    pub(in crate::cluster) lock: String,
    lock_folder: String,
}

impl RunLabels {
    /// Reads the labels. Returns `None` if no run has started the thing.
    pub(in crate::cluster) fn read(labels: &HashMap<String, String>) -> Option<Self> {
        let text = |name: &str| labels.get(name).cloned().unwrap_or_default();
        Some(Self {
            run: RunId::from_label(labels.get(RUN)?),
            project: labels.get(PROJECT)?.clone(),
            slot: text(SLOT),
            kept: text(KEPT) == "true",
            design: text(DESIGN),
            defects: text(DEFECTS)
                .split(',')
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            file: text(FILE),
            lock: format!("{}:{}", text(HOST), text(LOCK)),
            lock_folder: text(LOCK_FOLDER),
        })
    }

    /// The life of the run, by the locks that are visible from here.
    pub(in crate::cluster) fn life(&self, locks: &Locks) -> Life {
        locks.life(&self.run, &self.lock_folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::lock::run_lock::RunLock;

    #[test]
    fn a_thing_without_the_label_is_nobodys() {
        let foreign = HashMap::from([("com.docker.compose.project".to_owned(), "crosspod-r1-0".to_owned())]);
        assert_eq!(RunLabels::read(&foreign), None);
    }

    #[test]
    fn a_run_lives_while_its_lock_is_held_and_no_longer() {
        let run = RunLock::begin().expect("a lock in the cache folder");
        let labels = [
            (RUN, run.id().as_str()),
            (PROJECT, "crosspod-r1-0"),
            (LOCK_FOLDER, run.tag().lock_folder()),
        ];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let run_labels = RunLabels::read(&labels).expect("ours");
        let life = || run_labels.life(&Locks::here().expect("a cache folder"));
        assert_eq!(life(), Life::Alive);
        drop(run);
        assert_eq!(life(), Life::Over);
    }
}
