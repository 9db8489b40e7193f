//! A description beside the user's compose files, once Compose has resolved them.

use std::collections::BTreeMap;

use super::Described;
use crate::system::checks::timings::bounds_fit;
use crate::system::language::{Template, Values};
use crate::system::parts::{Part, Role};
use crate::system::table::nearest::nearest;
use crate::system::table::{Node, Problem, Problems};

/// A service of the user's compose files, as Compose resolved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSeen {
    /// Its name.
    pub name: String,
    /// Ports inside its container that it publishes or exposes.
    pub ports: Vec<u16>,
    /// Its environment.
    pub environment: BTreeMap<String, String>,
}

/// Holds a description against the services of the compose files.
///
/// Found are: pods and parts that are no services, copies whose names clash, ports that a part does not have, a `url` with another
/// user, password or database than the service's environment, and variables that let a pod take longer than its bound.
pub fn check_against(described: &Described, services: &[ServiceSeen]) -> Problems {
    let mut found = Vec::new();
    let files = described.system.compose.join(", ");
    check_pods(described, services, &files, &mut found);
    for (name, part) in described.system.parts.iter() {
        let Some(node) = described.tree.find("parts").and_then(|parts| parts.get(name)) else {
            continue;
        };
        match services.iter().find(|service| service.name == *name) {
            Some(service) => check_part(node, part, service, &mut found),
            None => found.push(no_service(node, name, services, &files)),
        }
    }
    check_variables(described, services, &mut found);
    Problems::new(described.source.clone(), found)
}

fn no_service(node: &Node, name: &str, services: &[ServiceSeen], files: &str) -> Problem {
    let known = || services.iter().map(|service| &*service.name);
    let there: Vec<&str> = known().collect();
    let message = format!("{name:?} is no service of {files}; there are {}", there.join(", "));
    let problem = Problem::at(node, message);
    match nearest(name, known()) {
        Some(near) => problem.help(format!("did you mean {near:?}?")),
        None => problem,
    }
}

fn check_pods(described: &Described, services: &[ServiceSeen], files: &str, found: &mut Vec<Problem>) {
    let pods = &described.system.pods;
    for (n, name) in pods.services.iter().enumerate() {
        if services.iter().all(|service| service.name != *name)
            && let Some(node) = described.tree.find(&format!("pods.services[{n}]"))
        {
            found.push(no_service(node, name, services, files));
        }
    }
    if let (Some(node), true) = (described.tree.find("pods.copies"), pods.copies.get() > 1) {
        for clash in pods
            .names()
            .iter()
            .filter(|name| services.iter().any(|service| service.name == **name))
        {
            let message = format!("a copy would be called {clash}, and {files} has such a service");
            found.push(Problem::at(node, message).help("rename the service"));
        }
    }
}

fn check_part(node: &Node, part: &Part, service: &ServiceSeen, found: &mut Vec<Problem>) {
    let published = !service.ports.is_empty();
    for port in part
        .ports
        .iter()
        .filter(|port| published && !service.ports.contains(port))
    {
        let there: Vec<String> = service.ports.iter().map(u16::to_string).collect();
        let message = format!(
            "{port} is no port that the compose file names; there are {}",
            there.join(", ")
        );
        found.push(Problem::at(node.get("ports").unwrap_or(node), message).warning());
    }
    if let (Some(url), Some(node), Role::Postgres) = (&part.url, node.get("url"), part.role) {
        check_url(node, url, &service.environment, found);
    }
}

/// User, password and database of an address.
#[derive(Debug, PartialEq, Eq)]
struct Login {
    user: String,
    password: String,
    database: String,
}

/// Reads `postgres://user:password@{at}/database?...`.
fn login(url: &Template) -> Option<Login> {
    let url = url.text(&Values::default().with("at", "at")).ok()?;
    let (_, rest) = url.split_once("://")?;
    let (who, rest) = rest.rsplit_once("@at")?;
    let (user, password) = who.split_once(':').unwrap_or((who, ""));
    let database = rest.trim_start_matches('/').split('?').next().unwrap_or_default();
    Some(Login {
        user: user.to_owned(),
        password: password.to_owned(),
        database: database.to_owned(),
    })
}

fn check_url(node: &Node, url: &Template, environment: &BTreeMap<String, String>, found: &mut Vec<Problem>) {
    let Some(login) = login(url) else { return };
    let set = |variable: &str| environment.get(variable).filter(|value| !value.is_empty());
    let user = set("POSTGRES_USER").cloned().unwrap_or_else(|| "postgres".to_owned());
    let pairs = [
        ("user", "POSTGRES_USER", &login.user, set("POSTGRES_USER")),
        (
            "password",
            "POSTGRES_PASSWORD",
            &login.password,
            set("POSTGRES_PASSWORD"),
        ),
        (
            "database",
            "POSTGRES_DB",
            &login.database,
            set("POSTGRES_DB").or(Some(&user)),
        ),
    ];
    for (what, variable, said, seen) in pairs {
        if let Some(seen) = seen.filter(|seen| *seen != said) {
            let message = format!("the {what} is {said:?}; compose sets {variable}={seen}");
            found.push(Problem::at(node, message).warning());
        }
    }
}

/// Looks for variables that let a pod take longer than its bound: those of the compose file under those of the description.
fn check_variables(described: &Described, services: &[ServiceSeen], found: &mut Vec<Problem>) {
    let pods = &described.system.pods;
    for (profile_name, profile) in described.system.profiles.iter() {
        for service in services.iter().filter(|service| pods.services.contains(&service.name)) {
            let mut variables = service.environment.clone();
            let said = pods.variables.iter().chain(profile.variables.iter());
            for (name, template) in said {
                match template.text(&Values::default()) {
                    Ok(value) => variables.insert(name.to_owned(), value),
                    Err(_) => variables.remove(name),
                };
            }
            bounds_fit(
                &described.tree,
                profile_name,
                &profile.bounds,
                &variables,
                &service.name,
                found,
            );
        }
    }
}
