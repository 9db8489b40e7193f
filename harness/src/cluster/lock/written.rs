//! A compose file of crosspod's own, on disk while its cluster is there: in the cache folder, never beside the user's.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cluster::lock::cache::Cache;
use crate::cluster::part::error::ClusterError;

/// Folder of the cache that has them.
const FOLDER: &str = "compose/files";

/// A file of one project.
#[derive(Debug)]
pub(in crate::cluster) struct WrittenFile {
    project: String,
    path: PathBuf,
}

impl WrittenFile {
    /// Writes the file of a project. Compose reads JSON as YAML.
    ///
    /// # Errors
    /// It cannot be written.
    pub(in crate::cluster) fn write(cache: &Cache, project: &str, file: &Value) -> Result<Self, ClusterError> {
        let path = path_of(cache, project)?;
        fs::write(&path, format!("{file:#}\n")).map_err(ClusterError::file("writing", &path))?;
        Ok(Self {
            project: project.to_owned(),
            path,
        })
    }

    /// The file of a project that was written before.
    ///
    /// # Errors
    /// The cache folder cannot be made.
    pub(in crate::cluster) fn of(cache: &Cache, project: &str) -> Result<Self, ClusterError> {
        Ok(Self {
            project: project.to_owned(),
            path: path_of(cache, project)?,
        })
    }

    pub(in crate::cluster) fn project(&self) -> &str {
        &self.project
    }

    pub(in crate::cluster) fn path(&self) -> &Path {
        &self.path
    }
}

/// Removes the file of a project, if there is one.
///
/// # Errors
/// It cannot be removed.
pub(in crate::cluster) fn forget(cache: &Cache, project: &str) -> Result<(), ClusterError> {
    let path = path_of(cache, project)?;
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(ClusterError::file("removing", path)(error)),
        _ => Ok(()),
    }
}

fn path_of(cache: &Cache, project: &str) -> Result<PathBuf, ClusterError> {
    Ok(cache.folder(FOLDER)?.join(format!("{project}.json")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_until_it_is_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::at(folder.path());
        let file = serde_json::json!({ "services": {} });
        let written = WrittenFile::write(&cache, "p-0", &file).expect("written");
        let text = fs::read_to_string(written.path()).expect("it is there");
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), file);
        for _ in 0..2 {
            forget(&cache, written.project()).expect("gone, also a second time");
        }
        assert!(!written.path().exists());
    }
}
