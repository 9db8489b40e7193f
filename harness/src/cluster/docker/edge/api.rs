//! The edge's own interface, Traefik's API: whether a configuration is in force, and why an entry leads nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use crate::cluster::docker::engine::root_cause;
use crate::wire::http;

/// Longest for one request.
const ASKED: Duration = Duration::from_secs(2);
/// Largest answer, in bytes.
const LARGEST: usize = 4 << 20;

/// The answer of a path of the interface. Returns `None` for a 404; the error is a phrase.
pub(super) async fn get(at: SocketAddr, path: &str) -> Result<Option<Value>, String> {
    let client = http::client()
        .timeout(ASKED)
        .build()
        .map_err(|error| error.to_string())?;
    let asked = client.get(format!("http://{at}{path}")).send().await;
    let mut answer = asked.map_err(|error| root_cause(&error))?;
    let status = answer.status();
    if status.as_u16() == 404 {
        return Ok(None);
    }
    if !status.is_success() {
        return Err(format!("{path} answered {status}"));
    }
    let read = http::body_up_to(&mut answer, LARGEST).await;
    let (body, _) = read.map_err(|error| root_cause(&error))?;
    serde_json::from_slice(&body).map_err(|error| format!("{path}: {error}"))
}

/// Servers of each service of an edge, with their states.
pub(super) type Servers = BTreeMap<String, Value>;

/// Reads the servers from the answer about services.
pub(super) fn servers(services: &Value) -> Servers {
    let services = services.as_array().map(Vec::as_slice).unwrap_or_default();
    let read = |service: &Value| {
        Some((
            service["name"].as_str()?.to_owned(),
            service.get("serverStatus")?.clone(),
        ))
    };
    services.iter().filter_map(read).collect()
}

/// The routers with a mistake, each with the edge's words for it: one that is missing may go unseen where another takes its requests.
pub(super) fn broken(routers: &Value) -> Vec<String> {
    let routers = routers.as_array().map(Vec::as_slice).unwrap_or_default();
    let broken = routers.iter().filter(|router| router["status"] != "enabled");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    broken
        .map(|router| {
            format!(
                "its router {} is {}: {}",
                text(&router["name"]),
                text(&router["status"]),
                router["error"]
            )
        })
        .collect()
}

/// The ports of the edge's entry points.
pub(super) fn ports(entry_points: &Value) -> BTreeSet<u16> {
    let points = entry_points.as_array().map(Vec::as_slice).unwrap_or_default();
    let port = |point: &Value| {
        let address = point["address"].as_str()?;
        // An address may end in its protocol: `:8443/tcp`.
        let address = address.split('/').next()?;
        address.rsplit(':').next()?.parse().ok()
    };
    points.iter().filter_map(port).collect()
}

/// Says what the edge knows of the entry at a port: its routers, those with a mistake, and servers that are down.
pub(super) fn explain(port: u16, entry_points: &Value, routers: &Value, services: &Value) -> String {
    let of = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let entry_points = of(entry_points);
    let at_port = |point: &&Value| text(point, "address").ends_with(&format!(":{port}"));
    let Some(point) = entry_points.iter().find(at_port) else {
        let there: Vec<String> = entry_points.iter().map(|point| text(point, "address")).collect();
        return format!("the edge listens at no port {port}, but at {}", there.join(", "));
    };
    let name = text(point, "name");
    let mut said = broken(routers);
    let routers = of(routers);
    let leads = |router: &&Value| {
        of(&router["entryPoints"])
            .iter()
            .any(|point| point.as_str() == Some(&name))
    };
    let here: Vec<String> = routers
        .iter()
        .filter(leads)
        .map(|router| text(router, "name"))
        .collect();
    if here.is_empty() {
        let others: Vec<String> = routers.iter().map(|router| text(router, "name")).collect();
        said.push(format!(
            "no router is at its entry point {name} (there are {}); a router with a mistake in a label or file is left out, and the \
             edge's log says so",
            others.join(", ")
        ));
    } else {
        said.push(format!("routers at its entry point {name}: {}", here.join(", ")));
    }
    for service in of(services) {
        let servers = service["serverStatus"].as_object().cloned().unwrap_or_default();
        let down: Vec<&str> = servers
            .iter()
            .filter(|(_, status)| *status != "UP")
            .map(|(url, _)| url.as_str())
            .collect();
        if !down.is_empty() {
            said.push(format!(
                "{} has no answer from {}",
                text(&service, "name"),
                down.join(", ")
            ));
        }
    }
    said.join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_that_leads_nowhere_is_explained_by_what_the_edge_knows() {
        let points = json!([{ "name": "web", "address": ":8001" }, { "name": "secure", "address": ":8443" }]);
        let routers = json!([
            { "name": "api@file", "entryPoints": ["secure"], "status": "enabled" },
            { "name": "pods@docker", "entryPoints": ["wbe"], "status": "disabled", "error": ["entryPoint \"wbe\" doesn't exist"] },
        ]);
        let services =
            json!([{ "name": "pods@file", "serverStatus": { "http://pod-1:80": "DOWN", "http://pod-2:80": "UP" } }]);
        assert_eq!(ports(&points), BTreeSet::from([8001, 8443]));
        assert_eq!(
            ports(&json!([{ "address": "[::]:80/tcp" }, { "address": "?" }])),
            BTreeSet::from([80])
        );
        let of = |port| explain(port, &points, &routers, &services);
        assert_eq!(of(80), "the edge listens at no port 80, but at :8001, :8443");
        let nowhere = of(8001);
        assert!(
            nowhere.starts_with("its router pods@docker is disabled: [\"entryPoint"),
            "{nowhere}"
        );
        assert!(
            nowhere.contains("no router is at its entry point web (there are api@file, pods@docker)"),
            "{nowhere}"
        );
        assert!(
            nowhere.ends_with("pods@file has no answer from http://pod-1:80"),
            "{nowhere}"
        );
        let known = servers(&services);
        assert_eq!(
            known["pods@file"],
            json!({ "http://pod-1:80": "DOWN", "http://pod-2:80": "UP" })
        );
        assert!(of(8443).contains("routers at its entry point secure: api@file"));
    }
}
