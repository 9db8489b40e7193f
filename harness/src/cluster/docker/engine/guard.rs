//! The guard of all that the harness touches: containers with the label of its own run or of a kept cluster, and this machine
//! or hosts that the user named.
//!
//! It is asked when an engine is connected to, when a part's handle is made, and at each of its starts. No other code makes a
//! handle, and every address that is ever connected to comes from a handle. Deliberately absent: removal, which the engine
//! itself limits to the project's labels.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use reqwest::Url;

use crate::cluster::docker::engine::client_settings::EngineAddress;
use crate::cluster::docker::engine::labels::RunLabels;
use crate::cluster::lock::run_lock::RunId;
use crate::cluster::part::error::ClusterError;

/// Hosts that may be connected to: this machine's loopback and sockets always, others only if the user named them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<HostName>);

/// A host as a person names it: an address, or a name without scheme and port. Names are not resolved: the same name must
/// stand in the address of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName(Name);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Address(IpAddr),
    /// A name in small letters.
    Word(String),
}

impl AllowedHosts {
    /// This machine alone.
    pub fn this_machine() -> Self {
        Self::default()
    }

    /// This machine and the named hosts.
    pub fn and(named: impl IntoIterator<Item = HostName>) -> Self {
        Self(named.into_iter().collect())
    }

    /// The hosts that were named beside this machine.
    pub fn names(&self) -> impl Iterator<Item = &HostName> {
        self.0.iter()
    }

    /// Refuses an engine's address on a host that is not allowed.
    pub(in crate::cluster) fn engine(&self, address: &EngineAddress) -> Result<(), ClusterError> {
        let EngineAddress { url, named_by } = address.clone();
        match host_of(&url) {
            Some(Host::Socket) => Ok(()),
            Some(Host::At(host)) if self.has(&host) => Ok(()),
            Some(Host::At(host)) => Err(ClusterError::RemoteEngine {
                url,
                named_by,
                host: host.to_string(),
            }),
            None => Err(ClusterError::NotAnEngine { url, named_by }),
        }
    }

    /// Refuses an address of a part on a host that is not allowed.
    pub(in crate::cluster) fn endpoint(
        &self,
        service: &str,
        container_port: u16,
        at: SocketAddr,
    ) -> Result<(), ClusterError> {
        if self.has(&HostName(Name::Address(at.ip()))) {
            return Ok(());
        }
        Err(ClusterError::RemoteEndpoint {
            service: service.to_owned(),
            container_port,
            at,
        })
    }

    fn has(&self, host: &HostName) -> bool {
        host.is_this_machine() || self.0.contains(host)
    }
}

impl HostName {
    fn is_this_machine(&self) -> bool {
        match &self.0 {
            Name::Address(address) => address.to_canonical().is_loopback(),
            Name::Word(word) => word == "localhost",
        }
    }
}

impl FromStr for HostName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(text).parse() {
            return Ok(Self(Name::Address(address)));
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if text.is_empty() || !text.chars().all(fits) {
            return Err("a host's name or address alone, without scheme and port".to_owned());
        }
        Ok(Self(Name::Word(text.to_ascii_lowercase())))
    }
}

impl std::fmt::Display for HostName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Name::Address(address) => address.fmt(f),
            Name::Word(word) => f.write_str(word),
        }
    }
}

/// Returns true if an engine's address is on this machine.
pub(in crate::cluster) fn is_here(url: &str) -> bool {
    match host_of(url) {
        Some(Host::Socket) => true,
        Some(Host::At(host)) => host.is_this_machine(),
        None => false,
    }
}

/// The destination of an engine's address.
enum Host {
    /// A socket in the file system.
    Socket,
    At(HostName),
}

/// Reads an engine's address. Returns `None` if it is not one.
fn host_of(url: &str) -> Option<Host> {
    let url = Url::parse(url).ok()?;
    match url.scheme() {
        "unix" => Some(Host::Socket),
        "tcp" | "http" => url.host_str()?.parse().ok().map(Host::At),
        _ => None,
    }
}

/// The containers that a process may act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cluster) enum Claim {
    /// The containers of its own run.
    Run(RunId),
    /// The containers of a cluster that `up` keeps.
    Kept,
}

impl Claim {
    /// Refuses a container that may not be acted on, by its labels.
    pub(in crate::cluster) fn check(
        &self,
        project: &str,
        container: &str,
        labels: &HashMap<String, String>,
    ) -> Result<(), ClusterError> {
        let found = match RunLabels::read(labels) {
            None => "no label of ours".to_owned(),
            Some(run_labels) if run_labels.project != project => format!("the label of {}", run_labels.project),
            Some(run_labels) => match self {
                Self::Run(run) if run_labels.run == *run => return Ok(()),
                Self::Kept if run_labels.kept => return Ok(()),
                Self::Run(_) => format!("the label of run {}", run_labels.run),
                Self::Kept => format!("the label of run {}, which keeps it for itself", run_labels.run),
            },
        };
        Err(ClusterError::NotOurs {
            container: container.to_owned(),
            found,
            wanted: match self {
                Self::Run(run) => format!("run {run}, project {project}"),
                Self::Kept => format!("the kept cluster {project}"),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowing(hosts: &[&str]) -> AllowedHosts {
        AllowedHosts::and(hosts.iter().map(|host| host.parse().expect("a host")))
    }

    fn at(url: &str) -> EngineAddress {
        EngineAddress {
            url: url.to_owned(),
            named_by: "DOCKER_HOST".to_owned(),
        }
    }

    fn endpoint(allowed: &AllowedHosts, at: &str) -> Result<(), String> {
        let checked = allowed.endpoint("postgres", 5432, at.parse().expect("an address"));
        checked.map_err(|error| error.to_string())
    }

    #[test]
    fn an_engine_on_this_machine_is_asked_without_a_flag() {
        for here in [
            "unix:///var/run/docker.sock",
            "tcp://127.0.0.1:2375",
            "tcp://127.8.8.8:2375",
            "tcp://localhost:2375",
            "http://LOCALHOST:2375",
            "http://[::1]:1",
            "tcp://[::1]",
            "tcp://[::ffff:127.0.0.1]:1",
        ] {
            assert!(AllowedHosts::this_machine().engine(&at(here)).is_ok(), "{here}");
            assert!(is_here(here), "{here}");
        }
    }

    #[test]
    fn an_engine_elsewhere_is_refused_by_host_and_flag_unless_it_is_named() {
        for (elsewhere, host) in [
            ("tcp://build-host:2375", "build-host"),
            ("tcp://Build-Host:2375", "build-host"),
            ("tcp://192.0.2.7:2375", "192.0.2.7"),
            ("tcp://[2001:db8::7]:2375", "2001:db8::7"),
            // Names that only look like this machine's.
            ("tcp://127.0.0.1@build-host:2375", "build-host"),
            ("tcp://127.0.0.1.example:2375", "127.0.0.1.example"),
            ("tcp://localhost.example:2375", "localhost.example"),
            ("tcp://0.0.0.0:2375", "0.0.0.0"),
        ] {
            let refused = allowing(&["another"])
                .engine(&at(elsewhere))
                .expect_err(elsewhere)
                .to_string();
            assert!(
                refused.contains(elsewhere) && refused.contains(&format!("--allow-host {host}")),
                "{refused}"
            );
            assert!(!is_here(elsewhere), "{elsewhere}");
            assert!(
                allowing(&["another", host]).engine(&at(elsewhere)).is_ok(),
                "{elsewhere}"
            );
        }
    }

    #[test]
    fn what_is_no_engines_address_is_refused_whatever_is_named() {
        for nonsense in ["nonsense", "ssh://build-host", "tcp://", ""] {
            let refused = allowing(&["build-host"])
                .engine(&at(nonsense))
                .expect_err(nonsense)
                .to_string();
            assert!(refused.contains("unix://") && refused.contains("tcp://"), "{refused}");
        }
    }

    #[test]
    fn an_endpoint_is_loopback_or_named() {
        let here = AllowedHosts::this_machine();
        for at in ["127.0.0.1:5432", "127.3.2.1:1", "[::1]:5432", "[::ffff:127.0.0.1]:5432"] {
            assert_eq!(endpoint(&here, at), Ok(()), "{at}");
        }
        for at in ["192.0.2.7:5432", "0.0.0.0:5432", "[::]:5432", "[2001:db8::7]:5432"] {
            let host = at.parse::<SocketAddr>().expect("an address").ip().to_string();
            let refused = endpoint(&here, at).expect_err(at);
            assert!(
                refused.contains("postgres")
                    && refused.contains(at)
                    && refused.contains(&format!("--allow-host {host}")),
                "{refused}"
            );
            assert_eq!(endpoint(&allowing(&[&host]), at), Ok(()), "{at}");
            assert!(endpoint(&allowing(&["192.0.2.8", "192.0.2.7.example"]), at).is_err());
        }
    }

    #[test]
    fn a_host_is_named_without_scheme_and_port() {
        for host in ["build-host", "192.0.2.7", "::1", "[2001:db8::7]", "build_host.example"] {
            assert!(host.parse::<HostName>().is_ok(), "{host}");
        }
        for more in ["", "tcp://build-host", "build-host:2375", "192.0.2.7:1", "a b", "*"] {
            assert!(more.parse::<HostName>().is_err(), "{more:?}");
        }
    }

    fn labels(run: &str, project: &str, kept: bool) -> HashMap<String, String> {
        [
            ("dev.crosspod.run", run),
            ("dev.crosspod.project", project),
            ("dev.crosspod.kept", if kept { "true" } else { "false" }),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    #[test]
    fn a_container_is_acted_on_where_it_is_of_the_run_or_of_a_kept_cluster() {
        let own = Claim::Run(RunId::from_label("r1"));
        let check = |claim: &Claim, labels| {
            claim
                .check("crosspod-r1-0", "c0ffee", &labels)
                .map_err(|e| e.to_string())
        };
        assert_eq!(check(&own, labels("r1", "crosspod-r1-0", false)), Ok(()));
        assert_eq!(check(&own, labels("r1", "crosspod-r1-0", true)), Ok(()));
        assert_eq!(check(&Claim::Kept, labels("r1", "crosspod-r1-0", true)), Ok(()));

        let compose_alone = HashMap::from([("com.docker.compose.project".to_owned(), "crosspod-r1-0".to_owned())]);
        for (claim, labels, found) in [
            (&own, HashMap::new(), "no label of ours"),
            (&own, compose_alone, "no label of ours"),
            (&own, labels("r2", "crosspod-r1-0", false), "the label of run r2"),
            (&own, labels("r1", "crosspod-r1-1", false), "the label of crosspod-r1-1"),
            (
                &Claim::Kept,
                labels("r1", "crosspod-r1-0", false),
                "keeps it for itself",
            ),
            (&Claim::Kept, HashMap::new(), "no label of ours"),
        ] {
            let refused = check(claim, labels).expect_err(found);
            assert!(refused.contains("c0ffee") && refused.contains(found), "{refused}");
        }
    }
}
