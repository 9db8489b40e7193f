//! The Docker client's settings of the user: the engine that they name, and where the client's plugins are.
//!
//! A run takes nothing else from them. Proxies, headers, aliases and credentials stay where they are: the images are on the
//! engine before Compose runs, and traffic inside a cluster never leaves it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::cluster::part::error::ClusterError;

/// Name of the context that stands for the usual sockets.
const DEFAULT_CONTEXT: &str = "default";
/// Names an engine that the user has not chosen.
const USUAL: &str = "default";
/// Variables of the Docker client that a run follows.
const FOLLOWED: [&str; 3] = ["DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"];
/// Variables by which programs are sent through a proxy, in capitals; each has a twin in small letters.
const PROXIES: [&str; 3] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

/// An address at which an engine may be, and the setting that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cluster) struct EngineAddress {
    /// The address, as in `DOCKER_HOST`.
    pub(in crate::cluster) url: String,
    /// The setting, in words.
    pub(in crate::cluster) named_by: String,
}

/// The Docker client's settings: its folder, what its `config.json` says, and the environment.
#[derive(Debug)]
pub(in crate::cluster) struct ClientSettings {
    environment: Vec<(String, OsString)>,
    folder: Option<PathBuf>,
    config: Value,
}

impl ClientSettings {
    /// Reads the settings of this process's user. A `config.json` that is missing or not JSON says nothing, as for the
    /// Docker client.
    pub(in crate::cluster) fn read() -> Self {
        let variables = env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Self::of(variables.collect())
    }

    fn of(environment: Vec<(String, OsString)>) -> Self {
        let mut settings = Self {
            environment,
            folder: None,
            config: Value::Null,
        };
        let in_home = || Some(PathBuf::from(settings.variable("HOME")?).join(".docker"));
        settings.folder = settings.variable("DOCKER_CONFIG").map(PathBuf::from).or_else(in_home);
        if let Some(file) = settings.config_file()
            && let Ok(text) = fs::read(&file)
        {
            match serde_json::from_slice(&text) {
                Ok(config) => settings.config = config,
                Err(error) => tracing::warn!(file = %file.display(), %error, "not JSON, so it is not followed"),
            }
        }
        settings
    }

    /// The addresses at which the engine may be, in the order in which they are tried: the one that `DOCKER_HOST`, else a
    /// Docker context names, else the usual sockets.
    ///
    /// # Errors
    /// [`ClusterError::BadContext`] if the context cannot be followed, [`ClusterError::EngineWithTls`] if the settings ask
    /// for TLS.
    pub(in crate::cluster) fn engines(&self) -> Result<Vec<EngineAddress>, ClusterError> {
        if let Some(url) = self.text("DOCKER_HOST") {
            let address = EngineAddress {
                url,
                named_by: "DOCKER_HOST".to_owned(),
            };
            let tls = self.variable("DOCKER_TLS_VERIFY").is_some();
            return Ok(vec![address.without_tls(tls, "DOCKER_TLS_VERIFY")?]);
        }
        match self.context() {
            Some((context, chosen_by)) => Ok(vec![self.engine_of(&context, &chosen_by)?]),
            None => Ok(self.usual_sockets()),
        }
    }

    /// Folders in which the Docker client finds its plugins, beside those of the system.
    pub(in crate::cluster) fn plugin_folders(&self) -> Vec<PathBuf> {
        let extra = self.config.get("cliPluginsExtraDirs").and_then(Value::as_array);
        let extra = extra.into_iter().flatten().filter_map(Value::as_str);
        let own = self.folder.iter().map(|folder| folder.join("cli-plugins"));
        extra.map(PathBuf::from).chain(own).collect()
    }

    /// Settings that a run leaves aside, in words. They have no influence on it.
    pub(in crate::cluster) fn left_aside(&self) -> Vec<String> {
        let is_left = |name: &str| {
            let of_client = name.starts_with("COMPOSE_") || name.starts_with("DOCKER_");
            (of_client && !FOLLOWED.contains(&name)) || PROXIES.contains(&name.to_ascii_uppercase().as_str())
        };
        let names = self.environment.iter().map(|(name, _)| name);
        let mut left: Vec<String> = names.filter(|name| is_left(name)).cloned().collect();
        left.sort();
        let has_proxies = self.config.get("proxies").is_some();
        if let Some(file) = self.config_file().filter(|_| has_proxies) {
            left.push(format!("the proxies in {}", file.display()));
        }
        left
    }

    fn config_file(&self) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join("config.json"))
    }

    /// A variable of the environment; `None` if it is empty.
    fn variable(&self, name: &str) -> Option<&OsString> {
        let found = self.environment.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &str) -> Option<String> {
        Some(self.variable(name)?.to_string_lossy().into_owned())
    }

    /// The context that is in use, and what chose it. `None` if it is the default one.
    fn context(&self) -> Option<(String, String)> {
        let by_variable = || Some((self.text("DOCKER_CONTEXT")?, "DOCKER_CONTEXT".to_owned()));
        let by_config = || {
            let name = self.config.get("currentContext")?.as_str()?;
            let file = self.config_file()?;
            Some((name.to_owned(), format!("currentContext in {}", file.display())))
        };
        let chosen = by_variable().or_else(by_config)?;
        (!chosen.0.is_empty() && chosen.0 != DEFAULT_CONTEXT).then_some(chosen)
    }

    /// The engine of a context, as the Docker client keeps it: in folders named by the hash of the context's name.
    fn engine_of(&self, context: &str, chosen_by: &str) -> Result<EngineAddress, ClusterError> {
        let bad = |why: String| ClusterError::BadContext {
            context: context.to_owned(),
            chosen_by: chosen_by.to_owned(),
            why,
        };
        let folder = self.folder.as_ref().ok_or_else(|| bad("HOME is not set".to_owned()))?;
        let id = hex(&Sha256::digest(context.as_bytes()));
        let file = folder.join("contexts/meta").join(&id).join("meta.json");
        let text = fs::read(&file).map_err(|error| bad(format!("{}: {error}", file.display())))?;
        let meta: Value = serde_json::from_slice(&text).map_err(|error| bad(format!("{}: {error}", file.display())))?;
        let url = meta.pointer("/Endpoints/docker/Host").and_then(Value::as_str);
        let url = url.ok_or_else(|| bad(format!("{} names no engine", file.display())))?;
        let address = EngineAddress {
            url: url.to_owned(),
            named_by: format!("the Docker context `{context}` ({chosen_by})"),
        };
        let tls = folder.join("contexts/tls").join(&id).join("docker").is_dir();
        address.without_tls(tls, "the context")
    }

    fn usual_sockets(&self) -> Vec<EngineAddress> {
        let variable = |name: &str| self.variable(name).map(Path::new);
        let places = [
            Some(PathBuf::from("/var/run/docker.sock")),
            variable("XDG_RUNTIME_DIR").map(|folder| folder.join("docker.sock")),
            variable("HOME").map(|folder| folder.join(".docker/run/docker.sock")),
        ];
        let address = |path: PathBuf| EngineAddress {
            url: format!("unix://{}", path.display()),
            named_by: USUAL.to_owned(),
        };
        places.into_iter().flatten().map(address).collect()
    }
}

impl EngineAddress {
    /// The address, unless it is spoken to with TLS: over a socket of this machine nobody does.
    fn without_tls(self, tls: bool, asked_by: &str) -> Result<Self, ClusterError> {
        if !tls || self.url.starts_with("unix://") {
            return Ok(self);
        }
        Err(ClusterError::EngineWithTls {
            url: self.url,
            named_by: self.named_by,
            asked_by: asked_by.to_owned(),
        })
    }
}

pub(in crate::cluster) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Docker client's folder with this `config.json`, and the settings of a user who has it and these variables.
    fn settings(config: &str, variables: &[(&str, &str)]) -> (tempfile::TempDir, ClientSettings) {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join(".docker");
        fs::create_dir_all(&folder).expect("made");
        fs::write(folder.join("config.json"), config).expect("written");
        let mut environment = vec![("HOME".to_owned(), home.path().as_os_str().to_owned())];
        environment.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), value.into())));
        let settings = ClientSettings::of(environment);
        (home, settings)
    }

    /// Keeps a context as the Docker client does.
    fn keep_context(home: &tempfile::TempDir, name: &str, endpoint: &str) -> PathBuf {
        let id = hex(&Sha256::digest(name.as_bytes()));
        let folder = home.path().join(".docker/contexts/meta").join(&id);
        fs::create_dir_all(&folder).expect("made");
        let meta = format!(r#"{{"Name":"{name}","Metadata":{{}},"Endpoints":{endpoint}}}"#);
        fs::write(folder.join("meta.json"), meta).expect("written");
        home.path().join(".docker/contexts/tls").join(id).join("docker")
    }

    fn urls(settings: &ClientSettings) -> Vec<String> {
        let engines = settings.engines().expect("addresses");
        engines.into_iter().map(|address| address.url).collect()
    }

    const DESKTOP: &str = r#"{"docker":{"Host":"unix:///run/desktop.sock","SkipTLSVerify":false}}"#;

    #[test]
    fn without_a_choice_the_usual_sockets_are_tried() {
        for config in [
            "{}",
            "not JSON",
            r#"{"currentContext":"default"}"#,
            r#"{"currentContext":7}"#,
        ] {
            let (home, settings) = settings(config, &[("DOCKER_CONTEXT", ""), ("DOCKER_HOST", "")]);
            let in_home = format!("unix://{}/.docker/run/docker.sock", home.path().display());
            assert_eq!(urls(&settings), ["unix:///var/run/docker.sock".to_owned(), in_home]);
        }
    }

    #[test]
    fn a_host_is_before_a_context_and_a_variable_before_the_file() {
        let file = r#"{"currentContext":"other"}"#;
        let (home, chosen) = settings(file, &[("DOCKER_CONTEXT", "desktop")]);
        keep_context(&home, "desktop", DESKTOP);
        assert_eq!(urls(&chosen), ["unix:///run/desktop.sock"]);
        let named_by = chosen.engines().expect("an address").remove(0).named_by;
        assert_eq!(named_by, "the Docker context `desktop` (DOCKER_CONTEXT)");

        let (home, by_file) = settings(r#"{"currentContext":"desktop"}"#, &[]);
        keep_context(&home, "desktop", DESKTOP);
        assert_eq!(urls(&by_file), ["unix:///run/desktop.sock"]);

        let host = [("DOCKER_HOST", "tcp://127.0.0.1:1"), ("DOCKER_CONTEXT", "none")];
        assert_eq!(urls(&settings(file, &host).1), ["tcp://127.0.0.1:1"]);
        let (_home, back) = settings(file, &[("DOCKER_CONTEXT", "default")]);
        assert_eq!(back.engines().expect("addresses").len(), 2, "the usual sockets");
    }

    #[test]
    fn a_context_that_cannot_be_followed_is_named_with_its_choice() {
        let (home, settings) = settings(r#"{"currentContext":"mine"}"#, &[]);
        let refused = || settings.engines().expect_err("refused").to_string();
        for said in ["`mine`", "currentContext in ", "meta.json", "DOCKER_HOST"] {
            assert!(refused().contains(said), "{}", refused());
        }
        keep_context(&home, "mine", r#"{"kubernetes":{}}"#);
        assert!(refused().contains("names no engine"), "{}", refused());
    }

    #[test]
    fn tls_is_refused_by_name_but_for_a_socket() {
        let (home, with_files) = settings(r#"{"currentContext":"far"}"#, &[]);
        let tls = keep_context(&home, "far", r#"{"docker":{"Host":"tcp://127.0.0.1:2376"}}"#);
        assert_eq!(urls(&with_files), ["tcp://127.0.0.1:2376"]);
        fs::create_dir_all(tls).expect("made");
        let refused = with_files.engines().expect_err("refused").to_string();
        assert!(
            refused.contains("the Docker context `far`") && refused.contains("TLS"),
            "{refused}"
        );

        let verify = ("DOCKER_TLS_VERIFY", "1");
        let (_home, tcp) = settings("{}", &[verify, ("DOCKER_HOST", "tcp://127.0.0.1:2376")]);
        let refused = tcp.engines().expect_err("refused").to_string();
        assert!(refused.contains("DOCKER_TLS_VERIFY"), "{refused}");
        let (_home, socket) = settings("{}", &[verify, ("DOCKER_HOST", "unix:///run/x.sock")]);
        assert_eq!(urls(&socket), ["unix:///run/x.sock"]);
    }

    #[test]
    fn what_a_run_leaves_aside_is_told() {
        let variables = [
            ("COMPOSE_FILE", "x.yml"),
            ("DOCKER_BUILDKIT", "1"),
            ("DOCKER_HOST", "unix:///x"),
            ("https_proxy", "http://192.0.2.1:1"),
        ];
        let (home, settings) = settings(r#"{"proxies":{"default":{}}}"#, &variables);
        let proxies = format!("the proxies in {}/.docker/config.json", home.path().display());
        let expected = ["COMPOSE_FILE", "DOCKER_BUILDKIT", "https_proxy", proxies.as_str()];
        assert_eq!(settings.left_aside(), expected);
    }

    #[test]
    fn plugins_are_looked_for_where_the_client_does() {
        let (home, settings) = settings(r#"{"cliPluginsExtraDirs":["/opt/plugins"]}"#, &[]);
        let own = home.path().join(".docker/cli-plugins");
        assert_eq!(settings.plugin_folders(), [PathBuf::from("/opt/plugins"), own]);
    }
}
