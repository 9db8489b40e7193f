//! The engine's record of one container, reduced to the facts that a cluster needs.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use bollard::models::{ContainerInspectResponse, EndpointSettings, HostConfig, PortMap};

use crate::cluster::part::state::State;

/// The engine's record of one container.
#[derive(Debug, Clone)]
pub(in crate::cluster) struct Inspected {
    pub(in crate::cluster) state: State,
    /// Process id of the container's init on the engine's machine; 0 if it does not run.
    pub(in crate::cluster) pid: i64,
    pub(in crate::cluster) exit_code: i64,
    /// Time of its last start, RFC 3339 with nanoseconds, by the engine's clock.
    pub(in crate::cluster) started_at: String,
    /// The container with the network that it has joined; `None` if it has its own.
    pub(in crate::cluster) sandbox: Option<String>,
    /// Container port to published address.
    pub(in crate::cluster) ports: BTreeMap<u16, SocketAddr>,
    /// Addresses from which connections to its published ports come.
    pub(in crate::cluster) gateways: Vec<String>,
    /// Its labels, which never change.
    pub(in crate::cluster) labels: HashMap<String, String>,
    /// Its limits.
    pub(in crate::cluster) limits: Limits,
    /// True if the kernel ended it the last time because it was out of memory.
    pub(in crate::cluster) out_of_memory: bool,
}

/// The end of a container, or of one start of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cluster) struct End {
    /// `None` if the container runs again, so that its record is of another start.
    pub(in crate::cluster) code: Option<i64>,
}

impl Inspected {
    /// Returns `None` if the container runs, or if `start` is given and runs.
    pub(in crate::cluster) fn end(&self, start: Option<&str>) -> Option<End> {
        match self.state {
            State::Exited { code } => Some(End { code: Some(code) }),
            State::Created => Some(End {
                code: Some(self.exit_code),
            }),
            State::Running | State::Paused => {
                let runs_again = start.is_some_and(|start| start != self.started_at);
                runs_again.then_some(End { code: None })
            }
        }
    }
}

impl From<ContainerInspectResponse> for Inspected {
    fn from(found: ContainerInspectResponse) -> Self {
        let state = found.state.unwrap_or_default();
        let exit_code = state.exit_code.unwrap_or_default();
        let out_of_memory = state.oom_killed.unwrap_or_default();
        let is = |flag: Option<bool>| flag.unwrap_or_default();
        let started_at = state.started_at.unwrap_or_default();
        let what = if is(state.paused) {
            State::Paused
        } else if is(state.running) {
            State::Running
        } else if started_at.is_empty() || started_at.starts_with("0001-") {
            State::Created
        } else {
            State::Exited { code: exit_code }
        };
        let network = found.network_settings.unwrap_or_default();
        Self {
            state: what,
            pid: state.pid.unwrap_or_default(),
            exit_code,
            started_at,
            sandbox: found.host_config.as_ref().and_then(sandbox),
            ports: published(network.ports.unwrap_or_default()),
            gateways: gateways(network.networks.unwrap_or_default()),
            labels: found.config.and_then(|config| config.labels).unwrap_or_default(),
            limits: found.host_config.as_ref().map(Limits::of).unwrap_or_default(),
            out_of_memory,
        }
    }
}

/// The container with the network that another one has joined. `"container:<id>"` in the engine's words.
pub(in crate::cluster) fn sandbox(host: &HostConfig) -> Option<String> {
    let mode = host.network_mode.as_deref()?;
    mode.strip_prefix("container:").map(str::to_owned)
}

/// The host's addresses in the container's networks: the engine's proxy of published ports connects from there.
fn gateways(networks: HashMap<String, EndpointSettings>) -> Vec<String> {
    let gateways = networks.into_values().filter_map(|network| network.gateway);
    gateways.filter(|gateway| !gateway.is_empty()).collect()
}

/// The published addresses, keyed by container port. `"8080/tcp": [{"127.0.0.1", "32768"}]` in the engine's words.
fn published(ports: PortMap) -> BTreeMap<u16, SocketAddr> {
    let mut found = BTreeMap::new();
    for (container_port, bindings) in ports {
        let Some(port) = container_port.split('/').next().and_then(|port| port.parse().ok()) else {
            continue;
        };
        for binding in bindings.unwrap_or_default() {
            let ip = binding.host_ip.unwrap_or_default().parse();
            let host_port = binding.host_port.unwrap_or_default().parse();
            if let (Ok(ip), Ok(host_port)) = (ip, host_port) {
                found.entry(port).or_insert_with(|| SocketAddr::new(ip, host_port));
            }
        }
    }
    found
}

/// The kernel's value for no limit of memory: the largest multiple of a page.
pub(in crate::cluster) const NO_MEMORY_LIMIT: i64 = i64::MAX - 4095;

/// The limits of a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::cluster) struct Limits {
    /// Memory, in bytes; `None` if it is not limited.
    pub(in crate::cluster) memory: Option<i64>,
    /// CPU time in each period, in microseconds; `None` if it is not limited.
    pub(in crate::cluster) cpu_quota_us: Option<i64>,
}

impl Limits {
    fn of(host: &HostConfig) -> Self {
        let set = |value: Option<i64>| value.filter(|value| *value > 0);
        Self {
            memory: set(host.memory).filter(|bytes| *bytes < NO_MEMORY_LIMIT),
            cpu_quota_us: set(host.cpu_quota),
        }
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::{ContainerState, PortBinding};

    use super::*;

    #[test]
    fn a_lifted_limit_and_one_that_was_never_set_are_no_limits() {
        let host = |memory, cpu_quota| {
            Limits::of(&HostConfig {
                memory,
                cpu_quota,
                ..HostConfig::default()
            })
        };
        assert_eq!(host(None, None), Limits::default());
        assert_eq!(host(Some(0), Some(0)), Limits::default());
        assert_eq!(host(Some(NO_MEMORY_LIMIT), Some(-1)), Limits::default());
        let limited = host(Some(8 << 20), Some(1000));
        assert_eq!((limited.memory, limited.cpu_quota_us), (Some(8 << 20), Some(1000)));
    }

    #[test]
    fn published_addresses_are_read_and_unpublished_ports_are_not() {
        let binding = PortBinding {
            host_ip: Some("127.0.0.1".into()),
            host_port: Some("32768".into()),
        };
        let ports = PortMap::from([("8080/tcp".into(), Some(vec![binding])), ("6222/tcp".into(), None)]);
        let expected = BTreeMap::from([(8080, SocketAddr::from(([127, 0, 0, 1], 32768)))]);
        assert_eq!(published(ports), expected);
    }

    #[test]
    fn gateways_are_read_and_a_network_without_one_has_none() {
        let network = |gateway: Option<&str>| EndpointSettings {
            gateway: gateway.map(str::to_owned),
            ..EndpointSettings::default()
        };
        let networks = [("a", Some("172.18.0.1")), ("b", Some("")), ("c", None)];
        let networks = networks.map(|(name, gateway)| (name.to_owned(), network(gateway)));
        assert_eq!(gateways(networks.into()), ["172.18.0.1"]);
    }

    #[test]
    fn the_container_with_a_joined_network_is_found() {
        let of = |mode: &str| {
            sandbox(&HostConfig {
                network_mode: Some(mode.into()),
                ..HostConfig::default()
            })
        };
        assert_eq!(of("container:c0ffee").as_deref(), Some("c0ffee"));
        assert_eq!((of("crosspod-r1-0_default"), of("none")), (None, None));
        assert_eq!(sandbox(&HostConfig::default()), None);
    }

    #[test]
    fn states_are_told_apart() {
        let inspected = |state| {
            Inspected::from(ContainerInspectResponse {
                state: Some(state),
                ..Default::default()
            })
        };
        let since = Some("2026-01-02T03:04:05.678Z".to_owned());
        let frozen = ContainerState {
            running: Some(true),
            paused: Some(true),
            started_at: since.clone(),
            ..ContainerState::default()
        };
        assert_eq!(inspected(frozen).state, State::Paused);
        let dead = ContainerState {
            exit_code: Some(137),
            started_at: since,
            ..ContainerState::default()
        };
        assert_eq!(inspected(dead).state, State::Exited { code: 137 });
        let new = ContainerState {
            started_at: Some("0001-01-01T00:00:00Z".into()),
            ..ContainerState::default()
        };
        assert_eq!(inspected(new).state, State::Created);
        assert!(inspected(ContainerState::default()).ports.is_empty());
    }
}
