//! The identity of a folder of locks.
//!
//! Processes that share an engine need not share a file system: the same path may lead to another folder. A run therefore labels
//! everything with the identity of its folder of locks, which no other folder has.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use uuid::Uuid;

use crate::cluster::lock::cache::{Cache, RUNS};
use crate::cluster::part::error::ClusterError;

/// Name of the file beside the locks that identifies their folder. Made once, and never changed.
pub(super) const MARK: &str = "folder-id";
/// File with the kernel's id of its present start.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Identity of a folder of locks: what its mark says, the numbers of the mark's file and file system, and the kernel that
/// these numbers are of. A copy of the folder has the same mark and another file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cluster) struct LockFolder(String);

impl LockFolder {
    /// The identity of a cache's folder of locks. Makes the mark if it is missing.
    ///
    /// # Errors
    /// The mark cannot be made or read.
    pub(in crate::cluster) fn of(cache: &Cache) -> Result<Self, ClusterError> {
        let folder = cache.folder(RUNS)?;
        let mark = folder.join(MARK);
        if !mark.exists() {
            make(&folder, &mark)?;
        }
        Self::read(&mark).map_err(ClusterError::file("reading", mark))
    }

    /// The identity of a cache's folder of locks; `None` if no run has ever begun there. Makes nothing.
    pub(in crate::cluster) fn seen_in(cache: &Cache) -> Option<Self> {
        Self::read(&cache.path().join(RUNS).join(MARK)).ok()
    }

    fn read(mark: &Path) -> Result<Self, std::io::Error> {
        let (says, file) = (fs::read_to_string(mark)?, fs::metadata(mark)?);
        let kernel = fs::read_to_string(BOOT_ID).unwrap_or_else(|_| host_name());
        let (says, kernel) = (says.trim(), kernel.trim());
        Ok(Self(format!("{says} {kernel} {:x} {:x}", file.dev(), file.ino())))
    }

    /// The identity, as in labels.
    pub(in crate::cluster) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Makes the mark in one step: another process may be making it as well, and the first wins.
fn make(folder: &Path, mark: &Path) -> Result<(), ClusterError> {
    let failed = |error| ClusterError::file("making", mark)(error);
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    write!(file, "{}", Uuid::new_v4().simple()).map_err(failed)?;
    match file.persist_noclobber(mark) {
        Err(error) if error.error.kind() != ErrorKind::AlreadyExists => Err(failed(error.error)),
        _ => Ok(()),
    }
}

/// Name of this machine, for people; and for the identity where the kernel has none of its own.
pub(in crate::cluster) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_identity_and_of_two_who_make_it_one_wins() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = LockFolder::of(&Cache::at(folder.path())).expect("made");
        let runs = folder.path().join(RUNS);
        make(&runs, &runs.join(MARK)).expect("the other one has won");
        assert_eq!(LockFolder::of(&Cache::at(folder.path())).expect("read"), first);
    }
}
