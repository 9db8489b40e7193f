//! The parts of one cluster, by the names that the compose file gives them.

use std::fmt;

use rustix::process::Signal;

use crate::history::PodName;

/// The name of a part: a service of the compose file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// The database.
    Postgres,
    /// The message broker.
    Nats,
    /// The provider.
    MockAi,
    /// The fault proxy between the pods and their dependencies.
    Links,
    /// One replica.
    Pod(PodName),
}

impl Service {
    /// The pod of that number, from 1.
    pub fn pod(number: u8) -> Self {
        Self::Pod(PodName::from(format!("pod-{number}")))
    }

    /// The name of the service in the compose file.
    pub fn name(&self) -> &str {
        match self {
            Self::Postgres => "postgres",
            Self::Nats => "nats",
            Self::MockAi => "mock-ai",
            Self::Links => "links",
            Self::Pod(name) => name.as_str(),
        }
    }

    /// The signal that ends the part in good order.
    pub(in crate::cluster) fn stop_signal(&self) -> Signal {
        match self {
            // A fast shutdown; on SIGTERM it waits until its clients have left.
            Self::Postgres => Signal::INT,
            Self::Nats | Self::MockAi | Self::Links | Self::Pod(_) => Signal::TERM,
        }
    }

    /// The part of that name; `None` if the compose file has no such service.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "postgres" => Some(Self::Postgres),
            "nats" => Some(Self::Nats),
            "mock-ai" => Some(Self::MockAi),
            "links" => Some(Self::Links),
            pod if pod.strip_prefix("pod-").is_some_and(|n| n.parse::<u8>().is_ok()) => Some(Self::Pod(pod.into())),
            _ => None,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_strangers_are_not_parts() {
        for part in [
            Service::Postgres,
            Service::Nats,
            Service::MockAi,
            Service::Links,
            Service::pod(3),
        ] {
            assert_eq!(Service::parse(part.name()), Some(part));
        }
        for stranger in ["pod-", "pod-x", "redis", ""] {
            assert_eq!(Service::parse(stranger), None, "{stranger:?}");
        }
    }
}
