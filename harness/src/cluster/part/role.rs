//! The parts of one cluster: what crosspod knows of each, and the label that a part's container bears.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The use of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A PostgreSQL server.
    Postgres,
    /// A Redis server.
    Redis,
    /// A NATS server.
    Nats,
    /// A proxy in front of the pods.
    Edge,
    /// A program that runs to its end before the pods start.
    Job,
    /// A server of which only its ports are known.
    Other,
    /// The mock provider. It is crosspod's own.
    Provider,
    /// The fault proxy between the pods and the parts. It is crosspod's own.
    Links,
    /// One replica of the system.
    Pod,
}

impl Role {
    /// True for a server of crosspod's own, which is no part of the system under test.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Provider | Self::Links)
    }

    /// The ports of a server in this role; empty if its description must say them.
    pub fn usual_ports(self) -> &'static [u16] {
        match self {
            Self::Postgres => &[5432],
            Self::Redis => &[6379],
            Self::Nats => &[4222],
            Self::Edge | Self::Job | Self::Other | Self::Provider | Self::Links | Self::Pod => &[],
        }
    }

    /// True for servers that pods reach through the fault proxy.
    pub(in crate::cluster) fn is_linked(self) -> bool {
        match self {
            Self::Postgres | Self::Redis | Self::Nats | Self::Other | Self::Provider => true,
            Self::Edge | Self::Job | Self::Links | Self::Pod => false,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Nats => "nats",
            Self::Edge => "edge",
            Self::Job => "job",
            Self::Other => "other",
            Self::Provider => "provider",
            Self::Links => "links",
            Self::Pod => "pod",
        })
    }
}

/// A part: a service of the cluster that is awaited, broken and healed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Name of its service; a pod's is the pod's name.
    #[serde(skip)]
    pub service: String,
    /// Its use.
    pub role: Role,
    /// Ports of its container that others use, the main one first.
    #[serde(default)]
    pub ports: Vec<u16>,
    /// Port of its admin interface: that of the provider and of the fault proxy, or the pod's port for crosspod's admin
    /// protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<u16>,
    /// Port of the fault proxy that leads to the part, which is a pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<u16>,
    /// How crosspod reads it, if the description says that; `{at}` stands for host and port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Path that answers 2xx while the part lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alive: Option<String>,
    /// True for a candidate: it is built like a pod, and is none until it is promoted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_candidate: bool,
    /// Its user's own limit of memory, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<i64>,
    /// Its user's own quota of processor time, in microseconds of each 100 ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_quota_us: Option<i64>,
}

impl Part {
    /// A part with the ports that are usual in its role.
    pub fn new(service: impl Into<String>, role: Role) -> Self {
        Self {
            service: service.into(),
            role,
            ports: role.usual_ports().to_vec(),
            admin: None,
            edge: None,
            url: None,
            alive: None,
            is_candidate: false,
            memory: None,
            cpu_quota_us: None,
        }
    }

    /// The value of the label on its container.
    pub(in crate::cluster) fn to_label(&self) -> String {
        // A map of numbers and texts is always JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a container's label. Returns `None` if the container is no part.
    pub(in crate::cluster) fn from_label(service: &str, label: &str) -> Option<Self> {
        let part: Self = serde_json::from_str(label).ok()?;
        Some(Self {
            service: service.to_owned(),
            ..part
        })
    }

    /// Port by which its main work is done.
    pub(in crate::cluster) fn port(&self) -> Option<u16> {
        self.ports.first().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_read_back_and_a_strangers_is_not() {
        let pod = Part {
            ports: vec![8080],
            admin: Some(8082),
            edge: Some(18001),
            alive: Some("/live".into()),
            memory: Some(1 << 30),
            ..Part::new("chat-1", Role::Pod)
        };
        assert_eq!(Part::from_label("chat-1", &pod.to_label()), Some(pod));
        let bare = Part::from_label("cache", r#"{"role":"redis","ports":[6379]}"#);
        assert_eq!(bare, Some(Part::new("cache", Role::Redis)));
        for stranger in ["", "{}", r#"{"role":"sidecar"}"#] {
            assert_eq!(Part::from_label("x", stranger), None, "{stranger}");
        }
    }
}
