//! The life of a run, judged by its lock.
//!
//! A run is over only if its lock lies in the folder of locks that this process sees, and nobody holds it. A run that cannot be
//! judged counts as alive. Clocks, process numbers and host names play no part.

use crate::cluster::lock::cache::Cache;
use crate::cluster::lock::folder::LockFolder;
use crate::cluster::lock::run_lock::{RunId, is_abandoned, is_held};
use crate::cluster::part::error::ClusterError;

/// The life of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cluster) enum Life {
    /// Its lock is held.
    Alive,
    /// Its lock is free, or gone.
    Over,
    /// Its lock is not visible from here.
    Unknown,
}

/// The locks that are visible from here.
#[derive(Debug)]
pub(in crate::cluster) struct Locks {
    cache: Cache,
    /// `None` if no run has ever begun here.
    folder: Option<LockFolder>,
}

impl Locks {
    /// The locks in this user's cache. Makes nothing.
    ///
    /// # Errors
    /// There is no cache folder.
    pub(in crate::cluster) fn here() -> Result<Self, ClusterError> {
        Ok(Self::of(Cache::locate()?))
    }

    fn of(cache: Cache) -> Self {
        let folder = LockFolder::seen_in(&cache);
        Self { cache, folder }
    }

    /// The life of a run with a lock in `folder`, by its labels.
    pub(in crate::cluster) fn life(&self, run: &RunId, folder: &str) -> Life {
        if self.folder.as_ref().map(LockFolder::as_str) != Some(folder) {
            return Life::Unknown;
        }
        if is_held(&self.cache.run_lock(run.as_str())) {
            Life::Alive
        } else {
            Life::Over
        }
    }

    /// Returns true if a killed run had not checked the cluster out yet: Compose may not have made all of it.
    pub(in crate::cluster) fn left_half_made(&self, run: &RunId, project: &str) -> bool {
        is_abandoned(&self.cache.run_lock(run.as_str())) && !self.cache.check_out(project).exists()
    }

    /// Returns true if a process uses the cluster now.
    pub(in crate::cluster) fn is_in_use(&self, project: &str) -> bool {
        is_held(&self.cache.check_out(project))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::cluster::lock::cache::RUNS;
    use crate::cluster::lock::folder::MARK;
    use crate::cluster::lock::run_lock::RunLock;

    fn cache(folder: &tempfile::TempDir) -> Cache {
        Cache::at(folder.path())
    }

    #[test]
    fn a_run_is_judged_by_those_who_see_its_lock_and_by_nobody_else() {
        let (here, elsewhere) = (
            tempfile::tempdir().expect("a folder"),
            tempfile::tempdir().expect("a folder"),
        );
        let run = RunLock::begin_in(&cache(&here)).expect("a lock");
        let (id, folder) = (run.id().clone(), run.tag().lock_folder().to_owned());
        let seen_here = || Locks::of(cache(&here)).life(&id, &folder);
        let seen_elsewhere = || Locks::of(cache(&elsewhere)).life(&id, &folder);
        assert_eq!(
            (seen_here(), seen_elsewhere()),
            (Life::Alive, Life::Unknown),
            "no run has begun there"
        );
        let another = RunLock::begin_in(&cache(&elsewhere)).expect("a lock");
        assert_ne!(another.tag().lock_folder(), folder);
        assert_eq!(seen_elsewhere(), Life::Unknown);
        drop(run);
        assert_eq!((seen_here(), seen_elsewhere()), (Life::Over, Life::Unknown));
        assert_eq!(
            Locks::of(cache(&here)).life(&id, ""),
            Life::Unknown,
            "labels of an older version"
        );
    }

    /// As in containers of one image, or on a machine that was made from the disk of another.
    #[test]
    fn a_copy_of_a_folder_is_another_folder() {
        let (original, copy) = (
            tempfile::tempdir().expect("a folder"),
            tempfile::tempdir().expect("a folder"),
        );
        let run = RunLock::begin_in(&cache(&original)).expect("a lock");
        let copied = cache(&copy).folder(RUNS).expect("made");
        fs::copy(original.path().join(RUNS).join(MARK), copied.join(MARK)).expect("copied");
        let life = Locks::of(cache(&copy)).life(run.id(), run.tag().lock_folder());
        assert_eq!(life, Life::Unknown);
    }

    /// As in a container that has the cache of its host mounted elsewhere.
    #[test]
    fn a_folder_is_the_same_by_another_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).expect("a link");
        let run = RunLock::begin_in(&cache(&folder)).expect("a lock");
        let by_link = Locks::of(Cache::at(&link));
        let life = || by_link.life(run.id(), run.tag().lock_folder());
        assert_eq!(life(), Life::Alive);
    }
}
