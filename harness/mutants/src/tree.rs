//! A copy of the workspace in which one file at a time is changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::mutant::{self, Listed};

/// A copy of the workspace.
#[derive(Debug)]
pub(crate) struct Tree {
    workspace: PathBuf,
    root: PathBuf,
}

impl Tree {
    /// Copies the files that git knows, as they are in the workspace. A file that has not changed keeps its time, so that nothing is
    /// built again for it.
    ///
    /// # Errors
    /// Git does not tell, or a file cannot be copied.
    pub(crate) fn copied(workspace: &Path, root: &Path) -> anyhow::Result<Self> {
        let listed = Command::new("git")
            .args(["ls-files", "-z"])
            .current_dir(workspace)
            .output();
        let listed = listed.context("git ls-files")?;
        if !listed.status.success() {
            bail!("git ls-files: {}", String::from_utf8_lossy(&listed.stderr).trim());
        }
        let listed = String::from_utf8(listed.stdout).context("git ls-files")?;
        for name in listed.split_terminator('\0') {
            let (from, to) = (workspace.join(name), root.join(name));
            let copy = || -> std::io::Result<()> {
                if fs::read(&to).ok() != Some(fs::read(&from)?) {
                    fs::create_dir_all(to.parent().unwrap_or(root))?;
                    fs::copy(&from, &to)?;
                }
                Ok(())
            };
            copy().with_context(|| format!("copying {} to {}", from.display(), to.display()))?;
        }
        Ok(Self {
            workspace: workspace.to_owned(),
            root: root.to_owned(),
        })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Makes a change in the copy.
    ///
    /// # Errors
    /// The file has no such place, or cannot be read or written.
    pub(crate) fn change(&self, listed: &Listed) -> anyhow::Result<()> {
        let source = self.workspace.join(&listed.file);
        let text = fs::read_to_string(&source).with_context(|| format!("reading {}", source.display()))?;
        let changed = mutant::mutated(&text, listed).with_context(|| format!("{}: no such place", listed.name))?;
        let copy = self.root.join(&listed.file);
        fs::write(&copy, changed).with_context(|| format!("writing {}", copy.display()))
    }

    /// Undoes a change.
    ///
    /// # Errors
    /// The file cannot be copied.
    pub(crate) fn restore(&self, listed: &Listed) -> anyhow::Result<()> {
        let (from, to) = (self.workspace.join(&listed.file), self.root.join(&listed.file));
        let copied = fs::copy(&from, &to);
        copied
            .map(drop)
            .with_context(|| format!("copying {} to {}", from.display(), to.display()))
    }
}
