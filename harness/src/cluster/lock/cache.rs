//! The cache: the folder outside the workspace that runs share, with the locks of live runs, scratch files and unpacked tools.
//!
//! All of it can be deleted while no run is live; it is made again.

use std::env;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::Progress;

/// Folder of the locks of live runs.
pub(in crate::cluster) const RUNS: &str = "runs";
/// Extension of lock files.
pub(in crate::cluster) const LOCK_EXTENSION: &str = "lock";
/// Folder of the locks of clusters that are in use.
pub(in crate::cluster) const CHECK_OUTS: &str = "slots";

/// The shared folder: `$CROSSPOD_CACHE`, else `crosspod` in `$XDG_CACHE_HOME` or `~/.cache`.
#[derive(Debug, Clone)]
pub(in crate::cluster) struct Cache(PathBuf);

impl Cache {
    pub(in crate::cluster) fn locate() -> Result<Self, ClusterError> {
        let named = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let path = named("CROSSPOD_CACHE")
            .or_else(|| named("XDG_CACHE_HOME").map(|dir| dir.join("crosspod")))
            .or_else(|| named("HOME").map(|dir| dir.join(".cache/crosspod")))
            .ok_or_else(|| ClusterError::Spec {
                what: "a cache folder".into(),
                why: "none of CROSSPOD_CACHE, XDG_CACHE_HOME and HOME is set; set one".into(),
            })?;
        let path = std::path::absolute(&path).map_err(ClusterError::file("resolving the cache folder", &path))?;
        Ok(Self(path))
    }

    /// The lock of a run, held while the run lives.
    pub(in crate::cluster) fn run_lock(&self, run: &str) -> PathBuf {
        self.0.join(RUNS).join(format!("{run}.{LOCK_EXTENSION}"))
    }

    /// The lock of a cluster, held by the process that uses the cluster. Made after the cluster, and removed with it.
    pub(in crate::cluster) fn check_out(&self, project: &str) -> PathBuf {
        self.0.join(CHECK_OUTS).join(format!("{project}.{LOCK_EXTENSION}"))
    }

    /// The existing locks of a run's clusters.
    pub(in crate::cluster) fn check_outs_of(&self, run: &str) -> Result<Vec<PathBuf>, ClusterError> {
        let folder = self.folder(CHECK_OUTS)?;
        let entries = fs::read_dir(&folder).map_err(ClusterError::file("listing", &folder))?;
        let files = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        let is_of_run = |file: &PathBuf| {
            let project = file.file_stem().and_then(|stem| stem.to_str());
            project.and_then(|project| project.rsplit_once('-')).map(|(run, _)| run) == Some(&format!("crosspod-{run}"))
        };
        Ok(files.filter(is_of_run).collect())
    }

    /// A folder of a test's own.
    #[cfg(test)]
    pub(in crate::cluster) fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    pub(in crate::cluster) fn path(&self) -> &Path {
        &self.0
    }

    /// A folder in the cache; makes a missing one.
    pub(in crate::cluster) fn folder(&self, name: &str) -> Result<PathBuf, ClusterError> {
        let path = self.0.join(name);
        fs::create_dir_all(&path).map_err(|error| ClusterError::Spec {
            what: format!("the cache folder {}", self.0.display()),
            why: format!(
                "{}: {error}; set CROSSPOD_CACHE to a folder that can be written",
                path.display()
            ),
        })?;
        Ok(path)
    }

    /// Waits until no other process does the same work. The lock ends with the returned file, or with the process.
    pub(in crate::cluster) async fn lock(
        &self,
        work: &str,
        bound: Duration,
        progress: &dyn Progress,
    ) -> Result<File, ClusterError> {
        let path = self.folder("locks")?.join(format!("{work}.lock"));
        let file = open_lock(&path)?;
        let began = Instant::now();
        let mut is_reported = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(source)) => {
                    return Err(ClusterError::File {
                        doing: "locking",
                        path,
                        source,
                    });
                }
                Err(TryLockError::WouldBlock) if began.elapsed() > bound => {
                    let source = std::io::Error::other(format!("another process has held it for {bound:?}"));
                    return Err(ClusterError::File {
                        doing: "locking",
                        path,
                        source,
                    });
                }
                Err(TryLockError::WouldBlock) => {
                    if !is_reported {
                        progress.step(&format!(
                            "{work}: another process does this work, waiting up to {bound:?}"
                        ));
                        is_reported = true;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

/// Opens a lock file; makes a missing one.
pub(in crate::cluster) fn open_lock(path: &Path) -> Result<File, ClusterError> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(ClusterError::file("opening the lock", path))
}
