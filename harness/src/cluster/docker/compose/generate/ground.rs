//! The ground that every maker of a section stands on: the user's file, the description, and crosspod's own names, labels and ports.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::cluster::docker::compose::resolved::{Fields, Resolved, Service};
use crate::cluster::edge_wanted::WantedCandidate;
use crate::cluster::part::role::{Part, Role};
use crate::cluster::wanted::Wanted;

/// Beginning of the names of all services and networks that are crosspod's own.
pub(in crate::cluster) const OWN: &str = "crosspod-";
/// The fault proxy's service.
pub(in crate::cluster) const LINKS: &str = "crosspod-links";
/// The provider's service.
pub(in crate::cluster) const PROVIDER: &str = "crosspod-provider";
/// The name by which pods reach the provider.
pub(in crate::cluster) const PROVIDER_NAME: &str = "provider";
/// Port at which pods reach the provider, where no part has it.
pub(super) const PROVIDER_PORT: u16 = 8080;
/// The first port of the fault proxy that leads to a pod.
const EDGES: u16 = 18001;

/// Needs of a file beyond the user's file and the description.
#[derive(Debug, Clone)]
pub(in crate::cluster) struct Frame {
    /// Labels of everything.
    pub(in crate::cluster) labels: BTreeMap<String, String>,
    /// Label of a part, whose value describes it.
    pub(in crate::cluster) part_label: &'static str,
    /// Image of the fault proxy, which is that of the sandboxes too.
    pub(in crate::cluster) links_image: String,
    /// Image of the provider.
    pub(in crate::cluster) provider_image: String,
    /// User and group that run crosspod's own services.
    pub(in crate::cluster) user: (u32, u32),
    /// Host port for the database; `None` for a free one.
    pub(in crate::cluster) postgres_port: Option<u16>,
    /// Tags for the images of services that are built from the user's context.
    pub(in crate::cluster) built: BTreeMap<String, String>,
    /// Level of the logs of crosspod's own services.
    pub(in crate::cluster) log_level: String,
}

/// All that the makers of services look at.
pub(super) struct Ground<'a> {
    pub(super) resolved: &'a Resolved,
    pub(super) wanted: &'a Wanted,
    pub(super) frame: &'a Frame,
    /// The services of the user's file that are started.
    pub(super) chosen: BTreeSet<String>,
    /// The network that the fault proxy shares with pods and parts.
    pub(super) common: String,
}

impl Ground<'_> {
    /// The labels of a thing: its own, and crosspod's over them.
    pub(super) fn labels(&self, fields: &Fields, part: Option<&Part>) -> Value {
        let mut labels = Service(fields.clone()).pairs("labels");
        for (name, value) in &self.frame.labels {
            labels.insert(name.clone(), literal(value));
        }
        if let Some(part) = part {
            labels.insert(self.frame.part_label.to_owned(), literal(&part.to_label()));
        }
        labels.into()
    }

    /// Everything that is built like a pod, by name, with the service that it is made of: the pods, and the candidate.
    pub(super) fn replicas(&self) -> Vec<(String, String)> {
        let mut replicas = self.wanted.pods.named();
        replicas.extend(
            self.candidate()
                .map(|candidate| (candidate.service.clone(), candidate.service.clone())),
        );
        replicas
    }

    /// The service that is no pod until a story starts it.
    pub(super) fn candidate(&self) -> Option<&WantedCandidate> {
        self.wanted.edge.as_ref()?.candidate.as_ref()
    }

    /// Every part that pods reach through the fault proxy.
    pub(super) fn linked(&self) -> Vec<&Part> {
        self.wanted.parts.iter().filter(|part| part.role.is_linked()).collect()
    }

    /// A port of the fault proxy at or above `from`, the `number`th that no part needs.
    pub(super) fn free_port(&self, from: u16, number: usize) -> u16 {
        let taken = |port: &u16| self.linked().iter().any(|part| part.ports.contains(port));
        (from..).filter(|port| !taken(port)).nth(number).unwrap_or(from)
    }

    /// Port at which pods reach the provider.
    pub(super) fn provider_port(&self) -> u16 {
        self.free_port(PROVIDER_PORT, 0)
    }

    /// Mounts of a service's volumes in memory, for a container that outlives the service's. Such a volume is gone once no container
    /// mounts it.
    pub(super) fn held(&self, service: &Service) -> Vec<String> {
        let in_memory = |name: &String| {
            let options = self
                .resolved
                .volumes
                .get(name)
                .and_then(|fields| fields.get("driver_opts"));
            options
                .and_then(|options| options.get("type"))
                .is_some_and(|kind| kind == "tmpfs")
        };
        let held = service.named_volumes().into_iter().filter(in_memory);
        held.map(|name| format!("{name}:/held/{name}:ro")).collect()
    }

    /// Port of the fault proxy that leads to the pod of that number.
    pub(super) fn edge_of(&self, number: usize) -> u16 {
        self.free_port(EDGES, number)
    }
}

/// Name of the sandbox of a pod: the container that holds its network.
pub(in crate::cluster) fn sandbox_of(pod: &str) -> String {
    format!("{OWN}net-{pod}")
}

/// A text that Compose reads as it is.
pub(super) fn literal(text: &str) -> Value {
    text.replace('$', "$$").into()
}

/// The logs of a service: whole, as evidence.
pub(super) fn logging() -> Value {
    json!({ "driver": "json-file", "options": { "max-size": "256m", "max-file": "1" } })
}

/// The first network that all pods and parts share; else one of crosspod's own, which they join.
pub(super) fn common_network(resolved: &Resolved, wanted: &Wanted) -> String {
    let pods = wanted.pods.services.iter();
    let parts = wanted.parts.iter().filter(|part| part.role != Role::Job);
    let names = pods.chain(parts.map(|part| &part.service));
    let of = |name: &String| -> BTreeSet<String> {
        let networks = resolved.services.get(name).map(Service::networks);
        networks.unwrap_or_default().into_keys().collect()
    };
    let shared = names
        .map(of)
        .reduce(|one, other| one.intersection(&other).cloned().collect());
    let reaches_out = |name: &String| {
        let fields = resolved.networks.get(name);
        !fields.is_some_and(|fields| fields.get("internal").is_some_and(|internal| internal != false))
    };
    // Ports are not published from a network without a way out.
    let usable = shared.unwrap_or_default().into_iter().find(reaches_out);
    usable.unwrap_or_else(|| format!("{OWN}common"))
}
