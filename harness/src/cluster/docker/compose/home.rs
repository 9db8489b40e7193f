//! The surroundings of Compose: a folder of settings that the harness has made, and a few variables of the environment.
//!
//! Compose takes settings from the Docker client's `config.json` (it hands the proxies there to every container), from
//! `.env` files and from some thirty variables. A cluster must be the same whatever they say, so Compose sees none of them.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::cluster::docker::engine::client_settings::{ClientSettings, hex};
use crate::cluster::lock::cache::Cache;
use crate::cluster::part::error::ClusterError;

/// The only variables that Compose is handed from the environment: what finds and runs a program, and nothing that it
/// could take for a setting of its own.
pub(in crate::cluster) const PASSED_ON: [&str; 11] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "LD_LIBRARY_PATH",
    "PYTHONHOME",
    "PYTHONPATH",
];

/// Folder of the cache that has one folder for each list of plugin folders.
const FOLDER: &str = "compose";
/// Hexadecimal digits of a folder's name.
const NAME_DIGITS: usize = 12;

/// The folder that Compose takes for the Docker client's, and an empty environment file in it.
#[derive(Debug)]
pub(in crate::cluster) struct ComposeHome(PathBuf);

impl ComposeHome {
    /// Makes the folder in the cache, or takes the one that is there.
    ///
    /// # Errors
    /// It cannot be written.
    pub(in crate::cluster) fn make(cache: &Cache, settings: &ClientSettings) -> Result<Self, ClusterError> {
        let config = json!({ "cliPluginsExtraDirs": settings.plugin_folders() }).to_string();
        let name = &hex(&Sha256::digest(config.as_bytes()))[..NAME_DIGITS];
        let folder = cache.folder(&format!("{FOLDER}/{name}"))?;
        let home = Self(folder);
        // Without the file, Compose v1 would read the one in the home folder.
        replace(&home.0, "config.json", &config)?;
        replace(&home.0, "no.env", "")?;
        Ok(home)
    }

    /// For `DOCKER_CONFIG`.
    pub(in crate::cluster) fn docker_config(&self) -> &Path {
        &self.0
    }

    /// For `--env-file`: with it, no `.env` is looked for.
    pub(in crate::cluster) fn env_file(&self) -> PathBuf {
        self.0.join("no.env")
    }
}

/// Writes a file whole: another process may be reading the one before.
fn replace(folder: &Path, name: &str, content: &str) -> Result<(), ClusterError> {
    let path = folder.join(name);
    if fs::read(&path).is_ok_and(|there| there == content.as_bytes()) {
        return Ok(());
    }
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(content.as_bytes())?;
        file.persist(&path).map_err(|error| error.error)
    });
    written.map(drop).map_err(ClusterError::file("writing", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compose_is_given_plugins_and_nothing_else_of_the_client() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::at(folder.path());
        let settings = ClientSettings::read();
        let home = ComposeHome::make(&cache, &settings).expect("made");
        let config = home.docker_config().join("config.json");
        fs::write(&config, r#"{"proxies":{}}"#).expect("spoilt");
        let again = ComposeHome::make(&cache, &settings).expect("made again");
        assert_eq!(again.docker_config(), home.docker_config());
        let text = fs::read_to_string(config).expect("it is there");
        let found: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let names: Vec<&String> = found.as_object().expect("an object").keys().collect();
        assert_eq!(names, ["cliPluginsExtraDirs"]);
        assert_eq!(fs::read(home.env_file()).expect("it is there"), b"");
    }

    #[test]
    fn no_variable_that_is_passed_on_is_a_setting_of_docker_compose_or_a_proxy() {
        for name in PASSED_ON {
            let is_setting = ["DOCKER", "COMPOSE", "BUILDKIT", "PROXY", "OTEL"]
                .iter()
                .any(|word| name.contains(word));
            assert!(!is_setting, "{name}");
        }
    }
}
