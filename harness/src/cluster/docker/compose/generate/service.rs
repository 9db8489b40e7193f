//! A service of the user's that is no pod: as it is, less what would tie it to one cluster.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::cluster::docker::compose::generate::ground::{Ground, literal, logging, sandbox_of};
use crate::cluster::docker::compose::generate::limits::{self, Limits};
use crate::cluster::docker::compose::generate::postgres;
use crate::cluster::docker::compose::resolved::{Fields, Service};
use crate::cluster::part::role::{Part, Role};

/// Keys of the user's that no service keeps.
const DROPPED: [&str; 5] = ["container_name", "ports", "profiles", "restart", "scale"];

impl Ground<'_> {
    /// A part, or a service that is started and left alone.
    pub(super) fn other(&self, name: &str) -> Result<Fields, String> {
        let service = &self.resolved.services[name];
        let (mut fields, limits) = self.bare(name, service);
        let part = self.wanted.parts.iter().find(|part| part.service == name);
        if !fields.contains_key("network_mode") {
            fields.insert("networks".into(), self.networks_of(service, part).into());
        } else if let Some(pod) = service
            .joined("network_mode")
            .filter(|of| self.wanted.pods.services.iter().any(|pod| pod == of))
        {
            fields.insert("network_mode".into(), format!("service:{}", sandbox_of(pod)).into());
        }
        self.redirect_needs(&mut fields, service);
        let Some(part) = part else {
            fields.insert("labels".into(), self.labels(&service.0, None));
            return Ok(fields);
        };
        if part.role == Role::Postgres {
            postgres::with_changes(name, &mut fields)?;
        }
        if part.role != Role::Job {
            fields.insert("ports".into(), self.published(part).into());
        }
        let part = described(part.clone(), limits);
        fields.insert("labels".into(), self.labels(&service.0, Some(&part)));
        Ok(fields)
    }

    /// A service without what ties it to one cluster, and its limits.
    pub(super) fn bare(&self, name: &str, service: &Service) -> (Fields, Limits) {
        let mut fields = service.0.clone();
        for key in DROPPED {
            fields.remove(key);
        }
        let limits = limits::unify(&mut fields);
        fields.insert("restart".into(), "no".into());
        fields.insert("logging".into(), logging());
        if let Some(tag) = self.frame.built.get(name).filter(|_| fields.contains_key("build")) {
            fields.insert("image".into(), literal(tag));
        } else if let Some(instead) = service.text("image").and_then(|image| self.wanted.images.get(image)) {
            fields.insert("image".into(), literal(instead));
        }
        (fields, limits)
    }

    /// The networks of a service, without fixed addresses. A part is on the common one too.
    fn networks_of(&self, service: &Service, part: Option<&Part>) -> Fields {
        let mut networks = service.networks();
        if part.is_some_and(|part| part.role != Role::Job) {
            networks.entry(self.common.clone()).or_default();
        }
        let name = service.text("container_name");
        let networks = networks.into_iter().map(|(network, mut of)| {
            unfix(&mut of);
            add_aliases(&mut of, name.into_iter());
            (network, Value::Object(of))
        });
        networks.collect()
    }

    /// The ports of a part, on the loopback alone.
    fn published(&self, part: &Part) -> Vec<Value> {
        let host_port = self.frame.postgres_port.filter(|_| part.role == Role::Postgres);
        let ports = part.ports.iter().enumerate();
        ports
            .map(|(at, port)| on_loopback(host_port.filter(|_| at == 0), *port))
            .collect()
    }

    /// Lets what depends on a service of which there are several depend on each of them.
    pub(super) fn redirect_needs(&self, fields: &mut Fields, service: &Service) {
        let depends_on = service.depends_on();
        if depends_on.is_empty() {
            return;
        }
        let pods = self.wanted.pods.named();
        let redirected = depends_on.into_iter().flat_map(|(name, how)| {
            let of = pods
                .iter()
                .filter(|(_, service)| *service == name)
                .map(|(pod, _)| pod.clone());
            let mut names: Vec<String> = of.collect();
            if names.is_empty() {
                names.push(name);
            }
            names.into_iter().map(move |name| (name, how.clone()))
        });
        fields.insert("depends_on".into(), redirected.collect::<Fields>().into());
    }
}

/// The part with its user's limits.
pub(super) fn described(part: Part, limits: Limits) -> Part {
    Part {
        memory: limits.memory,
        cpu_quota_us: limits.cpu_quota_us,
        ..part
    }
}

/// A published port: a free one of the host, unless one is asked for.
pub(super) fn on_loopback(host: Option<u16>, container: u16) -> Value {
    let host = host.map(|port| port.to_string()).unwrap_or_default();
    json!(format!("{}:{host}:{container}", Ipv4Addr::LOCALHOST))
}

/// Drops fixed addresses.
pub(super) fn unfix(network: &mut Fields) {
    for fixed in ["ipv4_address", "ipv6_address", "link_local_ips", "mac_address"] {
        network.remove(fixed);
    }
}

/// Adds names by which a service is reached in a network.
pub(super) fn add_aliases<'a>(network: &mut Fields, names: impl Iterator<Item = &'a str>) {
    let known = network.get("aliases").and_then(Value::as_array).cloned();
    let mut aliases = known.unwrap_or_default();
    for name in names {
        if !aliases.iter().any(|alias| alias == name) {
            aliases.push(name.into());
        }
    }
    if !aliases.is_empty() {
        network.insert("aliases".into(), aliases.into());
    }
}
