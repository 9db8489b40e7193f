//! The labels by which everything of ours is found again, and nothing else is touched.

use std::collections::HashMap;

use crate::cluster::lock::life::{Life, Locks};
use crate::cluster::lock::run_lock::RunId;

/// What the names of all our labels begin with.
pub(in crate::cluster) const PREFIX: &str = "dev.crosspod.";
/// On everything of ours; its value is the run's name.
pub(in crate::cluster) const RUN: &str = "dev.crosspod.run";
const SLOT: &str = "dev.crosspod.slot";
const KEPT: &str = "dev.crosspod.kept";
const HOST: &str = "dev.crosspod.host";
const LOCK: &str = "dev.crosspod.lock";
const LOCK_FOLDER: &str = "dev.crosspod.lock-folder";
const DESIGN: &str = "dev.crosspod.design";
const DEFECTS: &str = "dev.crosspod.defects";
const PROJECT: &str = "dev.crosspod.project";
/// On what stands in for a part for a while; its value is the part's own container.
pub(in crate::cluster) const STANDS_IN_FOR: &str = "dev.crosspod.stands-in-for";
/// Compose's own: the service that a container is of.
pub(in crate::cluster) const SERVICE: &str = "com.docker.compose.service";

/// Filter for the engine's lists: what carries this label, whatever its value.
pub(in crate::cluster) fn ours() -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![RUN.to_owned()])])
}

/// Filter for the engine's lists: what belongs to this project and is ours.
pub(in crate::cluster) fn of_project(project: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![RUN.to_owned(), format!("{PROJECT}={project}")])])
}

/// What the labels of a thing say of who brought it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cluster) struct Owner {
    pub(in crate::cluster) run: RunId,
    pub(in crate::cluster) project: String,
    pub(in crate::cluster) slot: String,
    pub(in crate::cluster) kept: bool,
    pub(in crate::cluster) design: String,
    pub(in crate::cluster) defects: Vec<String>,
    /// Where its lock is, as `HOST:PATH`, for people.
    pub(in crate::cluster) lock: String,
    lock_folder: String,
}

impl Owner {
    /// Reads the labels; none where the thing is not ours.
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
            lock: format!("{}:{}", text(HOST), text(LOCK)),
            lock_folder: text(LOCK_FOLDER),
        })
    }

    /// Whether its run lives, by the locks that are seen from here.
    pub(in crate::cluster) fn life(&self, locks: &Locks) -> Life {
        locks.life(&self.run, &self.lock_folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::lock::run_lock::RunLock;

    #[test]
    fn what_lacks_our_label_is_not_ours() {
        let foreign = HashMap::from([("com.docker.compose.project".to_owned(), "crosspod-r1-0".to_owned())]);
        assert_eq!(Owner::read(&foreign), None);
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
        let owner = Owner::read(&labels).expect("ours");
        let life = || owner.life(&Locks::here().expect("a cache folder"));
        assert_eq!(life(), Life::Alive);
        drop(run);
        assert_eq!(life(), Life::Over);
    }
}
