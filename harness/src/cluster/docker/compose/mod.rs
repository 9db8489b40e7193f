//! The Compose command: finding it, and bringing a project up with it.
//!
//! Compose resolves the user's files, builds what they build, and brings up the one file that is made of them. Removal goes by label through the engine: that is
//! faster, and works when Compose does not. Compose gets the engine's address, and sees no setting of the user's.

pub(in crate::cluster) mod generate;
pub(in crate::cluster) mod grace;
pub(in crate::cluster) mod home;
pub(in crate::cluster) mod resolved;

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cluster::docker::compose::home::{ComposeHome, PASSED_ON};
use crate::cluster::docker::compose::resolved::Resolved;
use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::client_settings::ClientSettings;
use crate::cluster::linux::command::HostCommand;
use crate::cluster::lock::cache::Cache;
use crate::cluster::lock::written::WrittenFile;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::{Progress, Silent};

/// Stands in a resolved file for the name of the project, which is another one for each slot of each run.
pub(in crate::cluster) const THIS_PROJECT: &str = "crosspod-this-project";

/// Longest until Compose prints its version; v1 starts slowly on a cold disk.
const VERSION_BOUND: Duration = Duration::from_secs(20);
/// Longest until Compose has resolved a file.
const CONFIG_BOUND: Duration = Duration::from_secs(30);
/// Longest until Compose has built images.
const BUILD_BOUND: Duration = Duration::from_mins(30);
/// Longest until Compose has made and started the containers: it waits for what they depend on.
const UP_BOUND: Duration = Duration::from_mins(5);

/// A Compose command that works.
#[derive(Debug, Clone)]
pub struct Compose {
    words: Vec<String>,
    version: String,
}

impl Compose {
    /// The command that `CROSSPOD_COMPOSE` names, else v2 (`docker compose`), else `docker-compose`.
    ///
    /// # Errors
    /// [`ClusterError::NoCompose`] with the answer of each candidate.
    pub async fn find() -> Result<Self, ClusterError> {
        // Its plugins are the user's; of the rest of the settings a version depends on nothing.
        let passed_on: Vec<&str> = PASSED_ON.into_iter().chain(["DOCKER_CONFIG"]).collect();
        let forced = env::var("CROSSPOD_COMPOSE").ok().filter(|text| !text.trim().is_empty());
        let candidates = forced.map_or_else(
            || vec!["docker compose".into(), "docker-compose".into()],
            |one| vec![one],
        );
        let mut tried = Vec::new();
        for candidate in candidates {
            let words: Vec<String> = candidate.split_whitespace().map(str::to_owned).collect();
            let command = HostCommand::new("asking for the version", &words[0], VERSION_BOUND);
            match command
                .env_only(&passed_on)
                .args(&words[1..])
                .args(["version", "--short"])
                .run(&Silent)
                .await
            {
                Ok(version) => {
                    return Ok(Self {
                        words,
                        version: version.trim().to_owned(),
                    });
                }
                Err(ClusterError::Command { outcome, stderr, .. }) => {
                    let said = stderr
                        .lines()
                        .next()
                        .map(|line| format!(": {line}"))
                        .unwrap_or_default();
                    tried.push(format!("`{candidate}` ({outcome}{said})"));
                }
                Err(other) => return Err(other),
            }
        }
        Err(ClusterError::NoCompose {
            tried: tried.join(", "),
        })
    }

    /// The command as a person would type it.
    pub fn command(&self) -> String {
        self.words.join(" ")
    }

    /// The version, as Compose writes it.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The compose files of a system as this Compose resolves them, with its own variables, `.env`, these variables over them, and all
    /// profiles. A file that names its project, as `${COMPOSE_PROJECT_NAME}`, names a placeholder in what is resolved; each cluster
    /// puts its own project there.
    ///
    /// # Errors
    /// Compose refuses the files, with its words; or its answer cannot be read.
    pub async fn resolve(
        &self,
        files: &[PathBuf],
        variables: &BTreeMap<String, String>,
    ) -> Result<Resolved, ClusterError> {
        let files = files.iter().map(|file| readable(file)).collect::<Result<Vec<_>, _>>()?;
        let mut command = HostCommand::new("reading the compose file", &self.words[0], CONFIG_BOUND)
            .args(&self.words[1..])
            .args(["-p", THIS_PROJECT])
            .advice("mend the compose file");
        for file in &files {
            command = command.args([Path::new("-f"), file]);
        }
        let how: &[&str] = if self.is_v1() {
            &["config"]
        } else {
            &["--profile", "*", "config", "--format", "json"]
        };
        let settings = env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
        for name in settings.filter(|name| is_a_setting(name)) {
            command = command.env_remove(&name);
        }
        for (name, value) in variables {
            command = command.env(name, value);
        }
        let command = command.args(how).env("COMPOSE_PROJECT_NAME", THIS_PROJECT);
        let text = command.env("COMPOSE_ANSI", "never").run(&Silent).await?;
        Resolved::read(&text).map_err(|why| ClusterError::Spec {
            what: format!("reading what `{} config` prints", self.command()),
            why,
        })
    }

    /// True for v1, the Python program.
    pub(in crate::cluster) fn is_v1(&self) -> bool {
        self.version.trim_start_matches('v').starts_with("1.")
    }

    /// Builds the images of services from the user's context.
    pub(in crate::cluster) async fn build(
        &self,
        engine: &Engine,
        file: &WrittenFile,
        services: &[String],
        progress: &dyn Progress,
    ) -> Result<(), ClusterError> {
        let command = HostCommand::no_longer_than_us("compose build", &self.words[0], BUILD_BOUND);
        let command = self.on(command, engine, file)?.shows_all();
        let command =
            command.advice("mend the Dockerfile, or build the image yourself and name it in the compose file");
        command.args(["build"]).args(services).run(progress).await.map(drop)
    }

    /// Makes and starts services of one project. The containers run when this returns, and may not be ready.
    pub(in crate::cluster) async fn up(
        &self,
        engine: &Engine,
        file: &WrittenFile,
        services: &[String],
        progress: &dyn Progress,
    ) -> Result<(), ClusterError> {
        let command = HostCommand::no_longer_than_us("compose up", &self.words[0], UP_BOUND);
        let command = self.on(command, engine, file)?;
        let command = command.advice("mend what it names; `crosspod doctor` checks what else a cluster needs");
        let command = command.args(["up", "-d", "--no-build"]).args(services);
        command.run(progress).await.map(drop)
    }

    /// Makes and starts further services of a project that is up, and nothing else: what they depend on is left as it is.
    pub(in crate::cluster) async fn up_beside(
        &self,
        engine: &Engine,
        file: &WrittenFile,
        services: &[String],
    ) -> Result<(), ClusterError> {
        let command = HostCommand::no_longer_than_us("compose up", &self.words[0], UP_BOUND);
        let command = self.on(command, engine, file)?.advice("mend what it names");
        let command = command.args(["up", "-d", "--no-build", "--no-deps", "--no-recreate"]);
        command.args(services).run(&Silent).await.map(drop)
    }

    /// The beginning of a command on a project. Compose sees nothing of the user's settings.
    fn on(&self, command: HostCommand, engine: &Engine, file: &WrittenFile) -> Result<HostCommand, ClusterError> {
        let home = ComposeHome::make(&Cache::locate()?, &ClientSettings::read())?;
        Ok(command
            .args(&self.words[1..])
            .args(["-p", file.project()])
            .args([Path::new("--env-file"), &home.env_file(), Path::new("-f"), file.path()])
            .env_only(&PASSED_ON)
            .env("DOCKER_HOST", engine.host())
            .env("DOCKER_CONFIG", home.docker_config())
            .env("COMPOSE_PROJECT_NAME", file.project())
            .env("COMPOSE_ANSI", "never"))
    }
}

/// True for variables that Compose or the Docker client take for settings of their own. All others may stand in the files.
fn is_a_setting(name: &str) -> bool {
    ["COMPOSE_", "DOCKER_", "BUILDKIT_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

fn readable(file: &Path) -> Result<PathBuf, ClusterError> {
    let file = std::path::absolute(file).map_err(ClusterError::file("resolving", file))?;
    file.metadata().map_err(ClusterError::file("reading", &file))?;
    Ok(file)
}
