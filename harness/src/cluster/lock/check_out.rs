//! Checking out a cluster: the lock of the process that uses it.

use std::fs::{self, File, TryLockError};
use std::path::PathBuf;

use crate::cluster::lock::cache::{CHECK_OUTS, Cache, open_lock};
use crate::cluster::part::error::ClusterError;

/// Locks a cluster for this process. Returns `None` if another process uses it.
pub(in crate::cluster) fn check_out(project: &str) -> Result<Option<File>, ClusterError> {
    let path = check_out_path(project)?;
    let file = open_lock(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(ClusterError::File {
            doing: "locking",
            path,
            source,
        }),
    }
}

/// Removes the lock of a cluster that is gone. No other process can be about to take it: project names are never reused.
pub(in crate::cluster) fn forget_check_out(project: &str) -> Result<(), ClusterError> {
    let path = check_out_path(project)?;
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(ClusterError::file("removing", path)(error)),
        _ => Ok(()),
    }
}

fn check_out_path(project: &str) -> Result<PathBuf, ClusterError> {
    let cache = Cache::locate()?;
    cache.folder(CHECK_OUTS)?;
    Ok(cache.check_out(project))
}
