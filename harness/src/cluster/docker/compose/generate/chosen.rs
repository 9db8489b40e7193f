//! Which services are started, and what of file and description cannot be brought up.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::cluster::docker::compose::generate::ground::{OWN, PROVIDER_NAME};
use crate::cluster::docker::compose::resolved::{Resolved, Service};
use crate::cluster::part::role::{Part, Role};
use crate::cluster::wanted::{PODS_MAX, Wanted};

/// The services that are started: those without a profile, the pods, the parts, and all that these need.
///
/// # Errors
/// Every problem, each with what to change.
pub(super) fn choose(resolved: &Resolved, wanted: &Wanted) -> Result<BTreeSet<String>, Vec<String>> {
    let mut problems = unknown(resolved, wanted);
    if !problems.is_empty() {
        return Err(problems);
    }
    let chosen = started(resolved, wanted);
    problems.extend(of_pods(resolved, wanted, &chosen));
    problems.extend(of_parts(resolved, wanted));
    problems.extend(of_names(&chosen));
    problems.extend(of_volumes(resolved, &chosen));
    if problems.is_empty() { Ok(chosen) } else { Err(problems) }
}

/// Pods and parts that the file does not have.
fn unknown(resolved: &Resolved, wanted: &Wanted) -> Vec<String> {
    let services = wanted.pods.services.iter().map(|name| ("pods.services", name));
    let parts = wanted.parts.iter().map(|part| ("parts", &part.service));
    let candidate = candidate(wanted).map(|name| ("edge.candidate.service", name));
    let unknown = services
        .chain(parts)
        .chain(candidate)
        .filter(|(_, name)| !resolved.services.contains_key(*name));
    let said = unknown.map(|(key, name)| {
        format!(
            "{key}: {name:?} is no service of the compose file; there are {}",
            resolved.names()
        )
    });
    let mut problems: Vec<String> = said.collect();
    if wanted.pods.services.is_empty() {
        problems.push(format!(
            "pods.services: no service is a pod; there are {}",
            resolved.names()
        ));
    }
    problems
}

fn started(resolved: &Resolved, wanted: &Wanted) -> BTreeSet<String> {
    let by_default = resolved
        .services
        .iter()
        .filter(|(_, service)| service.profiles().is_empty());
    let by_default = by_default
        .map(|(name, _)| name)
        .filter(|name| !wanted.left_out.contains(*name));
    let named = wanted
        .pods
        .services
        .iter()
        .chain(wanted.parts.iter().map(|part| &part.service))
        .chain(candidate(wanted));
    let mut next: Vec<String> = by_default.chain(named).cloned().collect();
    let mut started = BTreeSet::new();
    while let Some(name) = next.pop() {
        let Some(service) = resolved.services.get(&name) else {
            continue;
        };
        if started.insert(name) {
            next.extend(service.needs());
        }
    }
    started
}

/// The candidate's service, if there is a candidate.
fn candidate(wanted: &Wanted) -> Option<&String> {
    Some(&wanted.edge.as_ref()?.candidate.as_ref()?.service)
}

fn of_pods(resolved: &Resolved, wanted: &Wanted, chosen: &BTreeSet<String>) -> Vec<String> {
    let (pods, mut problems) = (&wanted.pods, Vec::new());
    let count = pods.services.len();
    if pods.are_copies() && count != 1 {
        problems.push(format!("pods.copies needs exactly one service; there are {count}"));
    }
    let named = pods.named();
    if named.len() > usize::from(PODS_MAX) {
        problems.push(format!(
            "pods: {} are too many; at most {PODS_MAX} can be brought up",
            named.len()
        ));
    }
    if let Some(name) = candidate(wanted).filter(|name| pods.services.contains(name)) {
        problems.push(format!(
            "edge.candidate.service: {name} is a pod; a candidate is a service of its own"
        ));
    }
    for name in pods.services.iter().chain(candidate(wanted)) {
        let service = &resolved.services[name];
        let replicas = service.replicas();
        if replicas > 1 && !pods.are_copies() {
            problems.push(format!(
                "{name} has {replicas} replicas in the compose file: say pods.copies = {replicas}"
            ));
        }
        problems.extend(of_own_network(name, service, "pods"));
    }
    if pods.are_copies() {
        let of = &pods.services[0];
        let clash = named.iter().find(|(pod, _)| resolved.services.contains_key(pod));
        problems.extend(clash.map(|(pod, _)| {
            format!("pods.copies: {pod} is a service of the compose file already; give {of} or it another name")
        }));
        problems.extend(joiners(resolved, chosen, of));
    }
    problems
}

/// Services that share something of a service of which there will be several.
fn joiners<'a>(resolved: &'a Resolved, chosen: &'a BTreeSet<String>, of: &'a str) -> impl Iterator<Item = String> + 'a {
    chosen.iter().filter_map(move |name| {
        let service = &resolved.services[name];
        let key = ["network_mode", "ipc", "pid"]
            .into_iter()
            .find(|key| service.joined(key) == Some(of));
        key.map(|key| {
            format!(
                "{name}: {key} leads to {of}, of which there will be several; describe each pod as a service of its own"
            )
        })
    })
}

/// A service whose network cannot be changed.
fn of_own_network(name: &str, service: &Service, table: &str) -> Option<String> {
    let mode = service
        .text("network_mode")
        .filter(|mode| !["bridge", "default"].contains(mode))?;
    Some(format!(
        "{table}: {name} has network_mode {mode}, so that its connections cannot be led through the fault proxy; take \
         network_mode out of the compose file"
    ))
}

fn of_parts(resolved: &Resolved, wanted: &Wanted) -> Vec<String> {
    let mut problems = Vec::new();
    let mut taken: BTreeMap<u16, &str> = BTreeMap::new();
    for Part {
        service: name,
        role,
        ports,
        ..
    } in &wanted.parts
    {
        let service = &resolved.services[name];
        let replicas = service.replicas();
        if replicas > 1 {
            problems.push(format!(
                "parts.{name}: it has {replicas} replicas; only a single container can be a part"
            ));
        }
        if wanted.pods.services.contains(name) {
            problems.push(format!("parts.{name}: it is a pod"));
        }
        if *role == Role::Job {
            continue;
        }
        problems.extend(of_own_network(name, service, "parts"));
        if ports.is_empty() {
            problems.push(format!("parts.{name}: say ports"));
        }
        if !role.is_linked() {
            continue;
        }
        for port in ports {
            if let Some(other) = taken.insert(*port, name) {
                problems.push(format!(
                    "parts.{other} and parts.{name} both listen on {port}, and the fault proxy can listen there for one of \
                     them: let one listen on another port, or leave it out of the parts"
                ));
            }
        }
    }
    problems
}

/// Names that crosspod needs for itself.
fn of_names(chosen: &BTreeSet<String>) -> Vec<String> {
    let clash = chosen
        .iter()
        .filter(|name| name.starts_with(OWN) || *name == PROVIDER_NAME);
    clash
        .map(|name| format!("the service {name} has a name that crosspod needs: give it another one"))
        .collect()
}

fn of_volumes(resolved: &Resolved, chosen: &BTreeSet<String>) -> Vec<String> {
    let used: BTreeSet<String> = chosen
        .iter()
        .flat_map(|name| resolved.services[name].named_volumes())
        .collect();
    let external = |name: &&String| {
        let fields = resolved.volumes.get(*name);
        fields
            .and_then(|fields| fields.get("external"))
            .is_some_and(|external| *external != Value::Bool(false))
    };
    let refused = used.iter().filter(external);
    refused
        .map(|name| {
            format!("volume {name} is external: every run would change it; take `external` out, so that each run has an empty one")
        })
        .collect()
}
