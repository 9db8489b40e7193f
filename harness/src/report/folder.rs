//! The artefact folders: one a run, one a story in it, and `latest` pointing at the newest run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Advice about a folder that cannot be written.
const ADVICE: &str =
    "; free space, or set CARGO_TARGET_DIR to a folder that can be written: artefacts go to its `crosspod`";

/// A file or folder that could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {}: {source}{advice}", path.display())]
pub struct FolderError {
    doing: &'static str,
    advice: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// Folder of one run.
#[derive(Debug, Clone)]
pub struct RunFolder(PathBuf);

/// Folder of one story that was played once.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl RunFolder {
    /// Makes the folder of the run `run` under `root` and points `latest` at it.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn create(root: &Path, run: &str) -> Result<Self, FolderError> {
        let path = root.join(run);
        fs::create_dir_all(&path).map_err(unwritten("make folder", &path))?;
        point_at(&root.join("latest"), run);
        Ok(Self(path))
    }

    /// Makes a folder in it for a part of the run that is a run of its own.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn part(&self, name: &str) -> Result<Self, FolderError> {
        let path = self.0.join(name);
        fs::create_dir_all(&path).map_err(unwritten("make folder", &path))?;
        Ok(Self(path))
    }

    /// Makes the folder of one play: the `n`-th of the run, of `story`.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn play(&self, story: &str, n: usize) -> Result<Folder, FolderError> {
        let path = self.0.join(format!("{n:03}-{story}"));
        fs::create_dir_all(&path).map_err(unwritten("make folder", &path))?;
        Ok(Folder(path))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a value as indented JSON.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), FolderError> {
        write_json(&self.0.join(name), value)
    }
}

impl Folder {
    /// An existing folder of artefacts.
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where its history is.
    pub fn history(&self) -> PathBuf {
        self.0.join("history.jsonl")
    }

    /// Writes a value as indented JSON.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), FolderError> {
        write_json(&self.0.join(name), value)
    }

    /// Reads a value from JSON.
    ///
    /// # Errors
    /// There is no such file, or it holds something else.
    pub fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, FolderError> {
        let path = self.0.join(name);
        let text = fs::read_to_string(&path).map_err(failed("read", &path))?;
        serde_json::from_str(&text).map_err(|e| failed("understand", &path)(e.into()))
    }

    /// Writes a text, making folders on the way.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_text(&self, name: &str, text: &str) -> Result<(), FolderError> {
        let path = self.0.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(unwritten("make folder", folder))?;
        }
        fs::write(&path, text).map_err(unwritten("write", &path))
    }
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FolderError> {
    let text = serde_json::to_string_pretty(value).map_err(|e| failed("serialise", path)(e.into()))?;
    fs::write(path, text + "\n").map_err(unwritten("write", path))
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError + use<> {
    let path = path.to_owned();
    move |source| FolderError {
        doing,
        advice: "",
        path,
        source,
    }
}

/// The same for what could not be written.
fn unwritten(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError + use<> {
    let failed = failed(doing, path);
    move |source| FolderError {
        advice: ADVICE,
        ..failed(source)
    }
}

/// Points a link at the newest run. A convenience: where links cannot be made there is none.
fn point_at(link: &Path, run: &str) {
    #[cfg(unix)]
    {
        let _ = fs::remove_file(link);
        if let Err(e) = std::os::unix::fs::symlink(run, link) {
            tracing::debug!(error = %e, "no link to the newest run");
        }
    }
}
