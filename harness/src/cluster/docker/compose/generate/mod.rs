//! The compose file that is brought up: made from the user's, as Compose has resolved it, and from the description of the system.
//!
//! The user's file stays as it is. In the one that is written everything bears crosspod's labels; host ports, fixed names and
//! `restart` are gone; each pod has a sandbox, in which the names of the parts lead to the fault proxy; and the provider and the
//! fault proxy stand beside the user's services. Pure: the same input gives the same file.

mod chosen;
mod edge;
pub(in crate::cluster) mod ground;
mod limits;
mod ours;
mod pod;
mod postgres;
mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::cluster::docker::compose::generate::ground::{Frame, Ground, LINKS, PROVIDER, common_network, sandbox_of};
use crate::cluster::docker::compose::resolved::{Fields, Resolved, Service};
use crate::cluster::wanted::Wanted;

/// The file, and what is in it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::cluster) struct Generated {
    /// The whole file. JSON is YAML.
    pub(in crate::cluster) file: Value,
    /// All services that are started at once.
    pub(in crate::cluster) services: Vec<String>,
    /// The services of the candidate, which are not started with the others.
    pub(in crate::cluster) candidate: Vec<String>,
    /// Folder with the edge's configuration, whose files are copied into its container.
    pub(in crate::cluster) edge_config: Option<PathBuf>,
    /// Services that start before the other pods do, where one pod boots alone.
    pub(in crate::cluster) first: Option<Vec<String>>,
    /// Services whose image is built, and its tag.
    pub(in crate::cluster) builds: BTreeMap<String, String>,
    /// Changes that its user may want to know of.
    pub(in crate::cluster) remarks: Vec<String>,
}

/// Makes the file.
///
/// # Errors
/// Obstacles in the user's file or the description, all at once: each with what to change.
pub(in crate::cluster) fn generate(
    resolved: &Resolved,
    wanted: &Wanted,
    frame: &Frame,
) -> Result<Generated, Vec<String>> {
    let chosen = chosen::choose(resolved, wanted)?;
    let ground = Ground {
        resolved,
        wanted,
        frame,
        common: common_network(resolved, wanted),
        chosen,
    };
    ground.build()
}

impl Ground<'_> {
    fn build(&self) -> Result<Generated, Vec<String>> {
        let (mut services, mut problems) = (BTreeMap::new(), Vec::new());
        let mut builds = BTreeMap::new();
        let pods = self.replicas();
        let is_pod = |name: &str| pods.iter().any(|(_, service)| service == name);
        for name in self.chosen.iter().filter(|name| !is_pod(name)) {
            match self.other(name) {
                Ok(service) => drop(services.insert(name.clone(), service)),
                Err(problem) => problems.push(problem),
            }
        }
        for (number, (pod, service)) in pods.iter().enumerate() {
            services.insert(pod.clone(), self.pod(number, pod, service));
            services.insert(sandbox_of(pod), self.sandbox(pod, service));
        }
        services.insert(PROVIDER.to_owned(), self.provider());
        services.insert(LINKS.to_owned(), self.links());
        if !problems.is_empty() {
            return Err(problems);
        }
        for (name, service) in &services {
            if let (Some(tag), true) = (
                service.get("image").and_then(Value::as_str),
                service.contains_key("build"),
            ) {
                builds.insert(name.clone(), tag.to_owned());
            }
        }
        let edge_config = self.copy_edge_config(&mut services);
        let candidate = self.candidate().map(|candidate| candidate.service.clone());
        let candidate: Vec<String> = candidate
            .into_iter()
            .flat_map(|name| [sandbox_of(&name), name])
            .collect();
        let at_once = services
            .keys()
            .filter(|name| !candidate.contains(name))
            .cloned()
            .collect();
        let first = self.first(&services);
        Ok(Generated {
            services: at_once,
            candidate,
            edge_config,
            first,
            builds,
            remarks: self.remarks(),
            file: self.file(services),
        })
    }

    fn file(&self, services: BTreeMap<String, Fields>) -> Value {
        let mut file = self.resolved.rest.clone();
        let used = |key: &str| -> BTreeSet<String> {
            let names = services.values().filter_map(|service| service.get(key)?.as_object());
            names.flat_map(|names| names.keys().cloned()).collect()
        };
        let networks = used("networks")
            .into_iter()
            .map(|name| (name.clone(), self.network(&name)));
        file.insert("networks".into(), networks.collect::<Map<_, _>>().into());
        let volumes = services
            .values()
            .flat_map(|service| Service(service.clone()).named_volumes());
        let volumes: BTreeSet<String> = volumes.collect();
        if !volumes.is_empty() {
            let volumes = volumes.into_iter().map(|name| (name.clone(), self.volume(&name)));
            file.insert("volumes".into(), volumes.collect::<Map<_, _>>().into());
        }
        let services = services.into_iter().map(|(name, fields)| (name, Value::Object(fields)));
        file.insert("services".into(), services.collect::<Map<_, _>>().into());
        Value::Object(file)
    }

    fn network(&self, name: &str) -> Value {
        let mut fields = self.resolved.networks.get(name).cloned().unwrap_or_default();
        // A fixed subnet would be taken by the user's own cluster, or by another slot.
        for fixed in ["name", "external", "ipam"] {
            fields.remove(fixed);
        }
        fields.insert("labels".into(), self.labels(&fields, None));
        Value::Object(fields)
    }

    fn volume(&self, name: &str) -> Value {
        let mut fields = self.resolved.volumes.get(name).cloned().unwrap_or_default();
        fields.remove("name");
        fields.insert("labels".into(), self.labels(&fields, None));
        Value::Object(fields)
    }

    /// The services that start while one pod boots alone: all that need no other pod.
    fn first(&self, services: &BTreeMap<String, Fields>) -> Option<Vec<String>> {
        let pods = self.wanted.pods.named();
        if !self.wanted.pods.first_alone || pods.len() < 2 {
            return None;
        }
        let mut later: BTreeSet<String> = pods.into_iter().skip(1).map(|(pod, _)| pod).collect();
        later.extend(
            self.candidate()
                .into_iter()
                .flat_map(|of| [sandbox_of(&of.service), of.service.clone()]),
        );
        loop {
            let needs = |fields: &Fields| Service(fields.clone()).needs();
            let more = services
                .iter()
                .find(|(name, fields)| !later.contains(*name) && !needs(fields).is_disjoint(&later));
            let Some((name, _)) = more else { break };
            later.insert(name.clone());
        }
        Some(services.keys().filter(|name| !later.contains(*name)).cloned().collect())
    }

    fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let pods = &self.wanted.pods;
        if let ([service], true) = (pods.services.as_slice(), pods.are_copies()) {
            let names: Vec<String> = pods.named().into_iter().map(|(pod, _)| pod).collect();
            remarks.push(format!("{service} became {}", names.join(", ")));
        }
        for name in &self.chosen {
            let service = &self.resolved.services[name];
            if let Some(fixed) = service.text("container_name") {
                remarks.push(format!(
                    "{name}: container_name {fixed} is a name in its networks instead"
                ));
            }
            if service
                .networks()
                .values()
                .any(|of| of.contains_key("ipv4_address") || of.contains_key("ipv6_address"))
            {
                remarks.push(format!("{name}: its fixed address was dropped, it has a free one"));
            }
        }
        for (name, fields) in &self.resolved.networks {
            if fields.get("external").is_some_and(|external| external != false) {
                remarks.push(format!(
                    "network {name} is external: the cluster has one of its own instead"
                ));
            }
        }
        remarks
    }
}

#[cfg(test)]
mod tests;
