//! The lock of a run: a file that the run's process holds for as long as it lives.
//!
//! The kernel frees the lock however the process ends: after a `kill -9` the next run finds it free, and knows that everything
//! with that run's label is a leftover. A run that ends in good order removes its file: a free file is a killed run's.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::cluster::lock::cache::{Cache, LOCK_EXTENSION, RUNS, open_lock};
use crate::cluster::lock::folder::LockFolder;
use crate::cluster::part::error::ClusterError;

/// Name of one run, which its containers, networks, volumes and lock carry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(String);

impl RunId {
    /// The name, as in labels.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(in crate::cluster) fn from_label(label: &str) -> Self {
        Self(label.to_owned())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The label of everything that a run starts: its name and its lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunTag {
    id: RunId,
    lock: PathBuf,
    folder: LockFolder,
}

impl RunTag {
    /// The run's name.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// The file that is locked while the run lives.
    pub fn lock(&self) -> &Path {
        &self.lock
    }

    /// Identity of the folder of the file, as in labels.
    pub fn lock_folder(&self) -> &str {
        self.folder.as_str()
    }
}

/// A live run. While this value exists, nobody takes the run's clusters for leftovers.
#[derive(Debug)]
pub struct RunLock {
    tag: RunTag,
    // Held for its lock alone.
    _file: File,
}

impl RunLock {
    /// Begins a run under a fresh name.
    pub fn begin() -> Result<Self, ClusterError> {
        Self::begin_in(&Cache::locate()?)
    }

    pub(in crate::cluster) fn begin_in(cache: &Cache) -> Result<Self, ClusterError> {
        let folder = LockFolder::of(cache)?;
        loop {
            let name = Uuid::new_v4().simple().to_string();
            let id = RunId(format!("r{}", &name[..10]));
            let path = cache.run_lock(id.as_str());
            let file = open_lock(&path)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &path) => {
                    return Ok(Self {
                        tag: RunTag { id, lock: path, folder },
                        _file: file,
                    });
                }
                // Another process took the file for a dead run's before it was locked: try another name.
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) => return Err(ClusterError::file("locking", path)(source)),
            }
        }
    }

    /// The run's name.
    pub fn id(&self) -> &RunId {
        &self.tag.id
    }

    /// The label of its clusters.
    pub fn tag(&self) -> &RunTag {
        &self.tag
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.tag.lock) {
            tracing::debug!(%error, path = %self.tag.lock.display(), "lock file of the run was gone already");
        }
    }
}

/// The killed runs of one cache folder: their locks are there, and nobody holds them.
pub(in crate::cluster) fn dead_runs(cache: &Cache) -> Result<Vec<DeadRun>, ClusterError> {
    let mut dead: Vec<DeadRun> = locks(cache)?
        .filter_map(|lock| {
            let id = RunId(lock.file_stem()?.to_str()?.to_owned());
            is_abandoned(&lock).then_some(DeadRun { id, lock })
        })
        .collect();
    dead.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(dead)
}

/// Returns true if a run of one cache folder is alive.
pub(in crate::cluster) fn is_any_alive(cache: &Cache) -> Result<bool, ClusterError> {
    Ok(locks(cache)?.any(|lock| is_held(&lock)))
}

/// The locks of the runs of one cache folder.
fn locks(cache: &Cache) -> Result<impl Iterator<Item = PathBuf> + use<>, ClusterError> {
    let folder = cache.folder(RUNS)?;
    let entries = fs::read_dir(&folder).map_err(ClusterError::file("listing", &folder))?;
    let files = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    Ok(files.filter(|path| path.extension().is_some_and(|extension| extension == LOCK_EXTENSION)))
}

/// A killed run: its process is gone and its lock is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cluster) struct DeadRun {
    id: RunId,
    lock: PathBuf,
}

impl DeadRun {
    /// Its name.
    pub(in crate::cluster) fn id(&self) -> &RunId {
        &self.id
    }

    /// Removes its lock and those of its clusters; call it once nothing else is left of the run. Does nothing if a process holds
    /// the lock.
    pub(in crate::cluster) fn forget(&self, cache: &Cache) -> Result<(), ClusterError> {
        let Ok(file) = File::open(&self.lock) else {
            return Ok(());
        };
        if file.try_lock().is_err() {
            return Ok(());
        }
        for check_out in cache.check_outs_of(self.id.as_str())? {
            remove(&check_out)?;
        }
        remove(&self.lock)
    }
}

fn remove(file: &Path) -> Result<(), ClusterError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(ClusterError::file("removing", file)(error)),
        _ => Ok(()),
    }
}

/// Returns true if the open file is still the one at the path.
fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(file), Ok(there)) = (file.metadata(), fs::metadata(path)) else {
        return false;
    };
    (file.dev(), file.ino()) == (there.dev(), there.ino())
}

/// Returns true if the lock is that of a killed run: it is there, and nobody holds it.
pub(in crate::cluster) fn is_abandoned(path: &Path) -> bool {
    path.exists() && !is_held(path)
}

/// Returns true if a process holds the lock. A lock that cannot be read counts as held: nothing is removed on a guess.
pub(in crate::cluster) fn is_held(path: &Path) -> bool {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return error.kind() != ErrorKind::NotFound,
    };
    // Shared, so that two processes that look at the same moment do not take each other for the holder.
    match file.try_lock_shared() {
        Ok(()) => false,
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::lock::cache::CHECK_OUTS;

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::at(folder.path());
        (folder, cache)
    }

    /// A lock as a killed run leaves it.
    fn killed(cache: &Cache) -> RunId {
        let run = RunLock::begin_in(cache).expect("a lock");
        let (id, path) = (run.id().clone(), run.tag().lock().to_owned());
        drop(run);
        File::create(path).expect("written");
        id
    }

    #[test]
    fn a_killed_run_is_dead_until_it_is_forgotten_and_others_are_not() {
        let (_folder, cache) = cache();
        let alive = RunLock::begin_in(&cache).expect("a lock");
        drop(RunLock::begin_in(&cache).expect("a lock"));
        let killed = killed(&cache);
        assert!(is_any_alive(&cache).expect("listed"));
        let dead = dead_runs(&cache).expect("listed");
        assert_eq!(dead.iter().map(DeadRun::id).collect::<Vec<_>>(), [&killed]);
        let check_outs = ["-0", "-12"].map(|slot| cache.check_out(&format!("crosspod-{killed}{slot}")));
        let anothers = cache.check_out(&format!("crosspod-{killed}0-0"));
        cache.folder(CHECK_OUTS).expect("made");
        for file in check_outs.iter().chain([&anothers]) {
            File::create(file).expect("written");
        }
        dead[0].forget(&cache).expect("removed");
        dead[0].forget(&cache).expect("gone already");
        assert!(anothers.exists() && !check_outs.iter().any(|file| file.exists()));
        assert_eq!(dead_runs(&cache).expect("listed"), []);
        assert!(is_held(alive.tag().lock()));
        drop(alive);
        assert!(!is_any_alive(&cache).expect("listed"));
    }

    #[test]
    fn a_lock_that_is_held_is_not_forgotten() {
        let (_folder, cache) = cache();
        let alive = RunLock::begin_in(&cache).expect("a lock");
        let mistaken = DeadRun {
            id: alive.id().clone(),
            lock: alive.tag().lock().to_owned(),
        };
        mistaken.forget(&cache).expect("left alone");
        assert!(is_held(alive.tag().lock()));
    }

    #[test]
    fn a_run_whose_lock_is_removed_under_it_knows() {
        let (folder, _) = cache();
        let path = folder.path().join("r1.lock");
        let file = open_lock(&path).expect("made");
        assert!(is_at(&file, &path));
        fs::remove_file(&path).expect("removed");
        assert!(!is_at(&file, &path));
        let _another = open_lock(&path).expect("made");
        assert!(!is_at(&file, &path));
    }
}
