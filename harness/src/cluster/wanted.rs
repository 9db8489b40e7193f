//! The system that a cluster is made of: its compose files, its pods and its parts, as its description says them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::cluster::part::role::{Part, Role};

/// Largest number of pods.
pub const PODS_MAX: u8 = 9;

/// A system to bring up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The compose files, in Compose's order.
    pub compose: Vec<PathBuf>,
    /// The replicas.
    pub pods: WantedPods,
    /// The services that can be broken, as their description says them.
    pub parts: Vec<Part>,
    /// Images that run in place of those that the compose files name.
    pub images: BTreeMap<String, String>,
    /// Services of the compose files that are not started.
    pub left_out: BTreeSet<String>,
}

/// The replicas of a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedPods {
    /// The services that are pods.
    pub services: Vec<String>,
    /// Number of pods that the one service becomes.
    pub copies: u8,
    /// Port on which a pod serves HTTP.
    pub port: u16,
    /// Port of crosspod's admin protocol.
    pub admin: Option<u16>,
    /// Path that answers 2xx while a pod lives.
    pub alive: String,
    /// True if one pod boots before the others.
    pub first_alone: bool,
    /// Environment of every pod. `{pod}` and `{provider}` stand for the pod's name and the provider's URL.
    pub variables: BTreeMap<String, String>,
    /// True if the invoking user runs the pods, in place of the image's own, so that their processes can be signalled without
    /// root.
    pub as_own_user: bool,
}

impl WantedPods {
    /// The pods' names, with the service that each is made of.
    pub fn named(&self) -> Vec<(String, String)> {
        match self.services.as_slice() {
            [service] if self.copies > 1 => (1..=self.copies)
                .map(|number| (format!("{service}-{number}"), service.clone()))
                .collect(),
            services => services.iter().map(|name| (name.clone(), name.clone())).collect(),
        }
    }

    /// True if one service becomes several pods.
    pub(in crate::cluster) fn are_copies(&self) -> bool {
        self.copies > 1
    }
}

impl Wanted {
    /// The first part in a role.
    pub(in crate::cluster) fn in_role(&self, role: Role) -> Option<&Part> {
        self.parts.iter().find(|part| part.role == role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pods(services: &[&str], copies: u8) -> Vec<String> {
        let pods = WantedPods {
            services: services.iter().map(|&name| name.to_owned()).collect(),
            copies,
            port: 80,
            admin: None,
            alive: "/".into(),
            first_alone: false,
            variables: BTreeMap::new(),
            as_own_user: false,
        };
        pods.named().into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn copies_are_numbered_and_services_keep_their_names() {
        assert_eq!(pods(&["chat"], 3), ["chat-1", "chat-2", "chat-3"]);
        assert_eq!(pods(&["chat"], 1), ["chat"]);
        assert_eq!(pods(&["b", "a"], 1), ["b", "a"]);
    }
}
