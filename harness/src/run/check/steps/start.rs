//! START: what became of the compose files, whether each pod says that it can serve, and whether it reaches the parts.

use std::time::Duration;

use crate::cluster::ClusterError;
use crate::run::check::places::Places;
use crate::run::check::section::{Line, Section};
use crate::run::error::RunError;
use crate::run::play::reach;
use crate::run::slot::Slot;
use crate::system::System;
use crate::system::parts::Role;

/// Lines about a cluster that is up. `told` are the lines that were told while it came up.
pub(in crate::run) async fn start(slot: &Slot, told: &[String], took: Duration, places: &Places) -> Section {
    let mut section = Section::new("START");
    for text in remarks(told, slot.cluster.project()) {
        section.push(Line::ok(text));
    }
    for death in slot.cluster.boot_deaths() {
        let text = format!("{} came up only when it was started again: {}", death.pod, death.seen);
        section.push(Line::bad(text).at(places.of("pods.first_alone")));
    }
    for short in slot.cluster.short_graces() {
        section.push(Line::bad(short.to_string()).at(places.of("pods.services")));
    }
    let pods: Vec<&str> = slot.pods().iter().map(crate::history::PodName::as_str).collect();
    section.push(Line::ok(format!("{} are alive after {took:.1?}", pods.join(", "))));
    section.lines.extend(ready(slot, places).await);
    section.lines.extend(rows(slot, places));
    section
}

/// The section of a system that did not come up.
pub(in crate::run) fn not_up(error: &RunError, told: &[String], system: &System, places: &Places) -> Section {
    let pods = &system.description.pods;
    let is_pod = |service: &str| pods.names().iter().any(|name| name == service);
    let mut section = Section::new("START");
    // The project is not known here: remarks are the lines of any project.
    for text in told
        .iter()
        .filter_map(|line| line.strip_prefix("crosspod-")?.split_once(": "))
    {
        if is_remark(text.1) {
            section.push(Line::ok(text.1));
        }
    }
    let line = match error.of_the_cluster() {
        Some(ClusterError::NotReady {
            service, awaited, last, ..
        }) if is_pod(service) => {
            let is_ready = pods.ready.as_ref().is_some_and(|path| awaited.contains(path.as_str()));
            let path = if is_ready { "pods.ready" } else { "pods.alive" };
            let line = Line::bad(error.to_string()).at(places.of(path));
            if !is_answer(last) {
                section.push(line);
                let text = format!(
                    "nothing answers at port {} of {service}: is it the port that it serves HTTP on?",
                    pods.port
                );
                section.push(Line::warn(text).at(places.of("pods.port")));
                return section;
            }
            line
        }
        Some(ClusterError::Loopback { .. }) => Line::bad(error.to_string()).at(places.of("pods.port")),
        Some(ClusterError::Died { service, .. }) if is_pod(service) => {
            Line::bad(error.to_string()).at(places.of("pods.variables"))
        }
        // A setting that is impossible is often named by its path in the description.
        Some(ClusterError::Spec { what, .. }) => Line::bad(error.to_string()).at(places.of(what)),
        None if matches!(error, RunError::Database(_)) => Line::bad(error.to_string()).at(places.of("rows")),
        _ => Line::bad(error.to_string()),
    };
    section.push(line);
    section
}

/// True if the last value seen of a pod is an HTTP answer: `404 Not Found: ...`.
fn is_answer(last: &str) -> bool {
    last.get(..3)
        .is_some_and(|status| status.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether each pod reaches each part: turns are posted, so the provider and the database are reached as well.
pub(in crate::run) async fn links(slot: &Slot, places: &Places) -> Line {
    match reach::prove(slot).await {
        Ok(()) => {
            let is_linked = |role: Role| !matches!(role, Role::Edge | Role::Job);
            let parts = slot.api.system().description.parts.iter();
            let parts = parts
                .filter(|(_, part)| is_linked(part.role))
                .map(|(name, _)| name.as_str());
            let parts: Vec<&str> = parts.chain(["provider"]).collect();
            Line::ok(format!("each pod reaches {} through the fault proxy", parts.join(", ")))
        }
        Err(why) => Line::bad(why.to_string()).at(places.of("pods.variables")),
    }
}

/// The changes to the compose files, by the lines that were told.
fn remarks<'t>(told: &'t [String], project: &'t str) -> impl Iterator<Item = &'t str> {
    let of_project = told
        .iter()
        .filter_map(move |line| line.strip_prefix(project)?.strip_prefix(": "));
    of_project.filter(|text| is_remark(text))
}

/// True for a line that tells what became of the compose files, not how far a step has got.
fn is_remark(text: &str) -> bool {
    let is_progress = [
        "starting ",
        "started in ",
        "still awaiting ",
        "ready in ",
        "building ",
        "its run ",
    ];
    is_progress.iter().all(|begin| !text.starts_with(begin))
}

async fn ready(slot: &Slot, places: &Places) -> Option<Line> {
    let path = slot.api.system().description.pods.ready.as_ref()?;
    let place = places.of("pods.ready");
    let mut refused = Vec::new();
    for pod in slot.pods() {
        let said = match slot.address(pod) {
            Ok(at) => slot.api.ready(at).await,
            Err(e) => Err(e.to_string()),
        };
        match said {
            Ok((200..=299, _)) => {}
            Ok((status, _)) => refused.push(format!("{pod} answered {status}")),
            Err(e) => refused.push(format!("{pod}: {e}")),
        }
    }
    Some(if refused.is_empty() {
        Line::ok(format!("GET {path} says of each pod that it can serve")).at(place)
    } else {
        let text = format!("GET {path}: {}; a 2xx there means \"I can serve\"", refused.join(", "));
        Line::bad(text).at(place)
    })
}

fn rows(slot: &Slot, places: &Places) -> Option<Line> {
    let description = &slot.api.system().description;
    let (name, _) = description.parts.iter().find(|(_, part)| part.role == Role::Postgres)?;
    let tables: Vec<&str> = description.rows.iter().map(|rule| rule.table.as_str()).collect();
    Some(if tables.is_empty() {
        Line::info(format!("no [[rows]]: nothing of {name} is followed"))
    } else {
        let text = format!(
            "every commit of {} can be followed (wal_level is set by crosspod)",
            tables.join(", ")
        );
        Line::ok(text).at(places.of("rows"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_are_told_without_the_project_and_progress_is_not() {
        let told = [
            "crosspod-x-0: chat became chat-1, chat-2",
            "crosspod-x-0: starting chat-1, chat-2",
            "crosspod-x-0: still awaiting chat-1",
            "crosspod-x-0: ready in 3.0s",
            "removing crosspod-y-0: its run is over",
        ];
        let told = told.map(str::to_owned);
        let remarks: Vec<&str> = remarks(&told, "crosspod-x-0").collect();
        assert_eq!(remarks, ["chat became chat-1, chat-2"]);
    }
}
