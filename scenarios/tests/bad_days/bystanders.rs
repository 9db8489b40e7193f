//! What a test of removal must not harm, and what it must find unharmed.

use std::fs::{self, File};
use std::path::PathBuf;

use crate::home::{Home, docker};

/// Keeps commands, for as long as this value is, off the clusters that somebody keeps on the same engine now: their runs
/// are made to look alive, by their own means. A test may neither cost a person their cluster nor play on it.
pub(crate) struct Shield(Vec<(PathBuf, File)>);

impl Shield {
    pub(crate) fn over_what_is_kept() -> Self {
        let format = "{{.Label \"dev.crosspod.lock\"}}";
        let listed = docker(&[
            "ps",
            "--all",
            "--filter",
            "label=dev.crosspod.kept=true",
            "--format",
            format,
        ]);
        let mut locks: Vec<PathBuf> = listed.lines().map(PathBuf::from).collect();
        locks.sort();
        locks.dedup();
        // A lock that is there is its owner's, who is alive then or was killed.
        let held = locks.into_iter().filter_map(|path| {
            let file = File::create_new(&path).ok()?;
            file.lock().ok()?;
            Some((path, file))
        });
        Self(held.collect())
    }
}

impl Drop for Shield {
    fn drop(&mut self) {
        for (path, _file) in &self.0 {
            // Somebody who removes it first does no harm.
            let _ = fs::remove_file(path);
        }
    }
}

/// A container, a network and a volume that look like ours in all but our label: by name, and by Compose's project.
pub(crate) struct Decoys(Vec<[String; 2]>);

impl Decoys {
    /// Decoys of a project that is there; of one of its images, which saves a pull.
    pub(crate) fn of(home: &Home, project: &str) -> Self {
        let of_project = format!("label=dev.crosspod.project={project}");
        let images = docker(&["ps", "--all", "--filter", &of_project, "--format", "{{.Image}}"]);
        let image = images.lines().next().expect("the project has a container");
        let label = format!("com.docker.compose.project={project}");
        let mut made = Self(Vec::new());
        let unique = home
            .path()
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .replace('.', "");
        for name in [format!("crosspod-decoy-{unique}"), format!("bystander-{unique}")] {
            docker(&["create", "--name", &name, "--label", &label, image, "never-started"]);
            made.0.push(["container".to_owned(), name.clone()]);
            docker(&["network", "create", "--label", &label, &name]);
            made.0.push(["network".to_owned(), name.clone()]);
            docker(&["volume", "create", "--label", &label, &name]);
            made.0.push(["volume".to_owned(), name]);
        }
        made
    }

    /// Asserts that all of them are there.
    pub(crate) fn are_unharmed(&self) {
        for [kind, name] in &self.0 {
            docker(&[kind, "inspect", name]);
        }
    }
}

impl Drop for Decoys {
    fn drop(&mut self) {
        for [kind, name] in &self.0 {
            // What is gone has failed the test already.
            let _ = std::process::Command::new("docker").args([kind, "rm", name]).output();
        }
    }
}
