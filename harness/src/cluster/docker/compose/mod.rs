//! The Compose command: finding it, and bringing a project up with it.
//!
//! Only `up` goes through Compose, because the topology is its file. Removal goes by label through the engine: that is
//! faster, and works when Compose does not. Compose gets the engine's address, and sees no setting of the user's.

pub(in crate::cluster) mod home;
pub(in crate::cluster) mod setup;

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cluster::docker::compose::home::{ComposeHome, PASSED_ON};
use crate::cluster::docker::compose::setup::Setup;
use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::client_settings::ClientSettings;
use crate::cluster::linux::command::HostCommand;
use crate::cluster::lock::cache::Cache;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::{Progress, Silent};
use crate::cluster::workspace::workspace_root;

/// Longest until Compose prints its version; v1 starts slowly on a cold disk.
const VERSION_BOUND: Duration = Duration::from_secs(20);
/// Longest until Compose has made and started the containers.
const UP_BOUND: Duration = Duration::from_mins(2);

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

    /// Makes and starts everything of one project. The containers run when this returns, and may not be ready.
    pub(in crate::cluster) async fn up(
        &self,
        engine: &Engine,
        setup: &Setup,
        progress: &dyn Progress,
    ) -> Result<(), ClusterError> {
        let file = compose_file(setup.file())?;
        let home = ComposeHome::make(&Cache::locate()?, &ClientSettings::read())?;
        let mut command = HostCommand::no_longer_than_us("compose up", &self.words[0], UP_BOUND)
            .args(&self.words[1..])
            .args(["-p", setup.project()])
            .args([Path::new("--env-file"), &home.env_file(), Path::new("-f"), &file])
            .args(["up", "-d", "--no-build"])
            .args(setup.services())
            .env_only(&PASSED_ON)
            .env("DOCKER_HOST", engine.host())
            .env("DOCKER_CONFIG", home.docker_config())
            .env("COMPOSE_PROJECT_NAME", setup.project())
            .env("COMPOSE_ANSI", "never")
            .advice("mend what it names; `crosspod doctor` checks what else a cluster needs");
        for (name, value) in setup.variables() {
            command = command.env(name, value);
        }
        command.run(progress).await.map(drop)
    }
}

fn compose_file(name: &str) -> Result<PathBuf, ClusterError> {
    let file = workspace_root().join(name);
    file.metadata().map_err(ClusterError::file("reading", &file))?;
    Ok(file)
}
