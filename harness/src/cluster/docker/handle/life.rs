//! One start of a part's container, and the containers that stand for the part.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::cluster::docker::engine::inspected::Inspected;
use crate::cluster::linux::pidfd::Pidfd;
use crate::cluster::part::state::State;

/// One start of a part's container.
#[derive(Debug)]
pub(in crate::cluster) struct Life {
    /// The process; `None` on another machine or on a kernel without pidfds.
    pub(in crate::cluster) pidfd: Option<Pidfd>,
    /// Container port to published address.
    pub(super) ports: BTreeMap<u16, SocketAddr>,
    /// Addresses from which connections to its published ports come.
    pub(super) gateways: Vec<String>,
    /// Time of the start, RFC 3339 with nanoseconds, by the engine's clock.
    pub(super) started_at: String,
    /// True while the engine has frozen it. The kernel knows if a signal has stopped it.
    pub(in crate::cluster) paused: AtomicBool,
}

impl Life {
    pub(super) fn of(found: &Inspected, container: &str, service: &str) -> Self {
        let pidfd = match Pidfd::of_container(found.pid, container) {
            Ok(pidfd) => Some(pidfd),
            Err(error) => {
                tracing::info!(part = %service, %error, "no pidfd, signals go through the engine");
                None
            }
        };
        Self {
            pidfd,
            ports: found.ports.clone(),
            gateways: found.gateways.clone(),
            started_at: found.started_at.clone(),
            paused: (found.state == State::Paused).into(),
        }
    }

    /// Returns true if a signal has stopped the process, no matter who sent it.
    pub(in crate::cluster) fn is_stopped(&self) -> bool {
        self.pidfd
            .as_ref()
            .is_some_and(|pidfd| pidfd.is_stopped().unwrap_or(false))
    }
}

/// The containers that stand for a part or have stood for it.
#[derive(Debug, Clone)]
pub(in crate::cluster) struct Containers {
    /// The container that Compose made.
    own: Arc<str>,
    /// The container that stands in for it or did so last; it is kept for its log.
    pub(super) other: Option<Arc<str>>,
    /// True while the other container is the part.
    pub(super) stands_in: bool,
}

impl Containers {
    pub(in crate::cluster) fn of(own: String) -> Self {
        Self {
            own: own.into(),
            other: None,
            stands_in: false,
        }
    }

    /// The container that is the part now.
    pub(in crate::cluster) fn current(&self) -> Arc<str> {
        match &self.other {
            Some(other) if self.stands_in => other.clone(),
            _ => self.own.clone(),
        }
    }

    /// The containers that hold a piece of the part's log.
    pub(in crate::cluster) fn all(&self) -> Vec<Arc<str>> {
        std::iter::once(&self.own).chain(&self.other).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_the_other_one_only_while_that_stands_in() {
        let mut containers = Containers::of("own".to_owned());
        assert_eq!((&*containers.current(), containers.all().len()), ("own", 1));
        containers.other = Some("other".into());
        containers.stands_in = true;
        assert_eq!((&*containers.current(), containers.all().len()), ("other", 2));
        containers.stands_in = false;
        assert_eq!((&*containers.current(), containers.all().len()), ("own", 2));
    }
}
