//! The system that a cluster is made of: its compose files, its pods and its parts, as its description says them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use crate::cluster::edge_wanted::WantedEdge;
use crate::cluster::part::role::{Part, Role};
use crate::system::language::{Template, Timespan, UnknownName, Values};
use crate::system::{System, parts};

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
    /// The way into the system that clients take.
    pub edge: Option<WantedEdge>,
    /// Values of the variables in the compose files.
    pub compose_variables: BTreeMap<String, String>,
    /// Longest drain of a pod, if the description says it.
    pub drain: Option<Duration>,
    /// Images that run in place of those that the compose files name.
    pub images: BTreeMap<String, String>,
    /// Folder whose `images.toml` names images that may have to be made.
    pub stand_ins: Option<PathBuf>,
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
    /// Environment of every pod. `{pod}` and `{provider}` stand for the pod's name and the provider's URL, `{design}` and
    /// `{defects}` for what the spec of a cluster says.
    pub variables: BTreeMap<String, String>,
    /// Defects of which no pod is told: they are the edge's alone.
    pub defects_of_others: BTreeSet<String>,
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

    /// True if the pods are told of a defect.
    pub(in crate::cluster) fn are_told(&self, defect: &str) -> bool {
        !self.defects_of_others.contains(defect)
    }

    /// True if one service becomes several pods.
    pub(in crate::cluster) fn are_copies(&self) -> bool {
        self.copies > 1
    }
}

/// Placeholders whose values differ from pod to pod and from cluster to cluster: a template is rendered with these names as
/// they stand.
const LATER: [&str; 5] = ["pod", "provider", "design", "defects", "at"];
/// The file that names images that may have to be made.
const IMAGES: &str = "images.toml";

impl Wanted {
    /// The things that a cluster of a system is made of.
    ///
    /// # Errors
    /// A placeholder has no value, that of a variable of the environment that is not set.
    pub fn of(system: &System) -> Result<Self, UnknownName> {
        let description = &system.description;
        let values = later();
        let edge = WantedEdge::of(system);
        let parts = description.parts.iter().map(|(service, part)| {
            let url = part.url.as_ref().map(|url| url.text(&values)).transpose()?;
            let of_edge = edge.as_ref().filter(|edge| edge.part == *service);
            let mut ports = part.used_ports();
            ports.extend(of_edge.into_iter().flat_map(WantedEdge::ports));
            ports.extend(part.monitor);
            let mut seen = BTreeSet::new();
            ports.retain(|port| seen.insert(*port));
            Ok(Part {
                ports,
                url,
                admin: of_edge.and_then(|edge| edge.api),
                ..Part::new(service, Role::from(part.role))
            })
        });
        let pods = &description.pods;
        let profile = system.played().profile;
        let of_profile = profile.map(|profile| profile.variables.iter());
        let of_compose = profile.map(|profile| profile.compose.iter());
        let variables = pods.variables.iter().chain(of_profile.into_iter().flatten());
        let variable = |(name, value): (&str, &Template)| Ok((name.to_owned(), value.text(&values)?));
        Ok(Self {
            compose: description
                .compose
                .iter()
                .map(|file| system.folder.join(file))
                .collect(),
            pods: WantedPods {
                services: pods.services.to_vec(),
                copies: pods.copies.get().try_into().unwrap_or(1),
                port: pods.port,
                admin: pods.admin,
                // A pod that says when it can serve is awaited until it does.
                alive: pods.ready.as_ref().unwrap_or(&pods.alive).clone(),
                first_alone: pods.first_alone,
                variables: variables.map(variable).collect::<Result<_, _>>()?,
                defects_of_others: description
                    .defects
                    .iter()
                    .filter(|defect| !defect.pods)
                    .map(|defect| defect.name.clone())
                    .collect(),
                // A pod with crosspod's own interface bears that anybody runs it; a stranger's image may not.
                as_own_user: pods.admin.is_some(),
            },
            parts: parts.collect::<Result<_, _>>()?,
            compose_variables: of_compose
                .into_iter()
                .flatten()
                .map(variable)
                .collect::<Result<_, _>>()?,
            drain: profile.and_then(|profile| profile.bounds.drain).map(Timespan::get),
            edge,
            images: BTreeMap::new(),
            stand_ins: system.folder.join(IMAGES).is_file().then(|| system.folder.clone()),
            left_out: BTreeSet::new(),
        })
    }

    /// The first part in a role.
    pub(in crate::cluster) fn in_role(&self, role: Role) -> Option<&Part> {
        self.parts.iter().find(|part| part.role == role)
    }
}

/// Values of an environment, and names that stand for themselves.
fn later() -> Values {
    let environment = std::env::vars_os().filter_map(|(name, value)| {
        let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
        Some((format!("env.{name}"), value))
    });
    let later = LATER.map(|name| (name.to_owned(), format!("{{{name}}}")));
    environment.chain(later).collect()
}

impl From<parts::Role> for Role {
    fn from(role: parts::Role) -> Self {
        match role {
            parts::Role::Postgres => Self::Postgres,
            parts::Role::Redis => Self::Redis,
            parts::Role::Nats => Self::Nats,
            parts::Role::Edge => Self::Edge,
            parts::Role::Job => Self::Job,
            parts::Role::Other => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_pod_s_cluster_is_made_of_its_description() {
        let wanted = Wanted::of(&System::reference()).expect("it names no variable of the environment");
        assert!(wanted.compose[0].is_file(), "{:?}", wanted.compose);
        let pods = &wanted.pods;
        assert_eq!((pods.services.len(), pods.copies, pods.port), (3, 1, 8080));
        assert_eq!((pods.alive.as_str(), pods.as_own_user), ("/ready", true));
        assert_eq!(pods.variables["POD_DEFECTS"], "{defects}");
        assert_eq!(pods.variables["OPENAI_BASE_URL"], "{provider}/v1");
        assert_eq!(pods.variables["LEASE_MS"], "1000", "that is the profile's");
        let parts: Vec<_> = wanted
            .parts
            .iter()
            .map(|part| (part.service.as_str(), part.role))
            .collect();
        let expected = [("postgres", Role::Postgres), ("edge", Role::Edge), ("nats", Role::Nats)];
        assert_eq!(parts, expected);
        assert_eq!(wanted.parts[1].ports, [8443, 8002, 8001, 8003, 8000, 8090]);
        let url = wanted.parts[0].url.as_deref();
        assert_eq!(url, Some("postgres://crosspod:crosspod@{at}/crosspod"));
        assert_eq!(wanted.stand_ins, None);
    }

    fn pods(services: &[&str], copies: u8) -> Vec<String> {
        let pods = WantedPods {
            services: services.iter().map(|&name| name.to_owned()).collect(),
            copies,
            port: 80,
            admin: None,
            alive: "/".into(),
            first_alone: false,
            variables: BTreeMap::new(),
            defects_of_others: BTreeSet::new(),
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
