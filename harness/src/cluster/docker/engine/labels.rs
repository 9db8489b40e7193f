//! The labels by which everything of ours is found again, and nothing else is touched.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::cluster::lock::cache::Cache;
use crate::cluster::lock::run_lock::{RunId, host_name, is_abandoned, is_held};

/// What the names of all our labels begin with.
pub(in crate::cluster) const PREFIX: &str = "dev.crosspod.";
/// On everything of ours; its value is the run's name.
pub(in crate::cluster) const RUN: &str = "dev.crosspod.run";
const SLOT: &str = "dev.crosspod.slot";
const KEPT: &str = "dev.crosspod.kept";
const HOST: &str = "dev.crosspod.host";
const LOCK: &str = "dev.crosspod.lock";
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
    host: String,
    lock: PathBuf,
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
            host: text(HOST),
            lock: PathBuf::from(text(LOCK)),
        })
    }

    /// Whether the run's process still lives, as far as this machine can tell; in doubt it does.
    pub(in crate::cluster) fn is_alive(&self) -> bool {
        self.host != host_name() || is_held(&self.lock)
    }

    /// Whether the run was killed before Compose had made all of the cluster: then nobody has ever checked it out.
    pub(in crate::cluster) fn is_half_made(&self) -> bool {
        let checked_out = Cache::of_run_lock(&self.lock).is_some_and(|cache| cache.check_out(&self.project).exists());
        is_abandoned(&self.lock) && !checked_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::lock::run_lock::RunLock;

    fn owner(host: &str, lock: &std::path::Path) -> Owner {
        let labels = [
            (RUN, "r1"),
            (PROJECT, "crosspod-r1-0"),
            (SLOT, "0"),
            (KEPT, "false"),
            (HOST, host),
            (LOCK, lock.to_str().expect("a path of ASCII")),
        ];
        Owner::read(&labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()).expect("ours")
    }

    #[test]
    fn what_lacks_our_label_is_not_ours() {
        let foreign = HashMap::from([("com.docker.compose.project".to_owned(), "crosspod-r1-0".to_owned())]);
        assert_eq!(Owner::read(&foreign), None);
    }

    #[test]
    fn a_run_lives_while_its_lock_is_held_and_no_longer() {
        let run = RunLock::begin().expect("a lock in the cache folder");
        let owner = owner(&host_name(), run.tag().lock());
        assert!(owner.is_alive());
        drop(run);
        assert!(!owner.is_alive());
    }

    #[test]
    fn a_free_lock_without_its_process_is_dead_and_another_machine_is_not_judged() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        assert!(!owner(&host_name(), file.path()).is_alive());
        assert!(owner("elsewhere", file.path()).is_alive());
    }
}
