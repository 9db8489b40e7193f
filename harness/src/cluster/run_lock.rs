//! Who a cluster belongs to, and whether its owner still lives.
//!
//! A run holds a locked file for as long as its process lives. The lock goes with the process however it ends, so that
//! after a `kill -9` the next run finds the lock free and knows that what carries that run's label is a leftover.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::cache::{Cache, open_lock};
use super::error::ClusterError;

/// Name of one run: what its containers, networks, volumes and lock carry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(String);

impl RunId {
    /// The name as labels hold it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn from_label(label: &str) -> Self {
        Self(label.to_owned())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What everything that a run starts is labelled with: its name, and the lock by which its life is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunTag {
    id: RunId,
    lock: PathBuf,
}

impl RunTag {
    /// The run's name.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// The file that is locked while the run lives.
    pub(super) fn lock(&self) -> &Path {
        &self.lock
    }
}

/// A live run: as long as this value is, nobody takes the run's clusters for leftovers.
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

    fn begin_in(cache: &Cache) -> Result<Self, ClusterError> {
        let name = Uuid::new_v4().simple().to_string();
        let id = RunId(format!("r{}", &name[..10]));
        let path = cache.folder("runs")?.join(format!("{id}.lock"));
        let file = open_lock(&path)?;
        file.try_lock().map_err(|error| ClusterError::File {
            doing: "locking",
            path: path.clone(),
            source: error.into(),
        })?;
        Ok(Self {
            tag: RunTag { id, lock: path },
            _file: file,
        })
    }

    /// The run's name.
    pub fn id(&self) -> &RunId {
        &self.tag.id
    }

    /// What its clusters are labelled with.
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

/// Whether the process that made this lock still holds it. A lock that cannot be looked at counts as held: nothing is
/// removed on a guess.
pub(super) fn is_held(path: &Path) -> bool {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return error.kind() != std::io::ErrorKind::NotFound,
    };
    // Shared, so that two processes that look at the same moment do not take each other for the owner.
    match file.try_lock_shared() {
        Ok(()) => false,
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => true,
    }
}

/// Name of this machine, so that a run elsewhere that shares the engine is not judged by this machine's files.
pub(super) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
