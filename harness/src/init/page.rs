//! The description as text: what was guessed, then the rules between the system and its clients.

use super::kinds::Sorted;
use super::like;
use super::parts::{Part, Parts};
use super::pods::Pods;
use super::sheet::{Sheet, list, quoted};
use crate::system::parts::Role;
use crate::system::table::node::quoted as key;
use crate::system::table::open::OPEN;

/// The subject of the page, beside the guesses.
#[derive(Debug)]
pub(super) struct Heading<'h> {
    /// The description's own file name.
    pub(super) file: &'h str,
    /// The compose files, by their paths from the description.
    pub(super) compose: &'h [String],
    /// The family of servers whose rules are filled in.
    pub(super) like: Option<like::Like>,
}

/// Writes the description.
pub(super) fn write(heading: &Heading<'_>, sorted: &Sorted<'_>, pods: &Pods<'_>, parts: &Parts<'_>) -> String {
    let mut sheet = Sheet::default();
    head(&mut sheet, heading, pods);
    write_pods(&mut sheet, sorted, pods);
    write_variables(&mut sheet, pods);
    for part in &parts.parts {
        write_part(&mut sheet, part);
    }
    write_others(&mut sheet, sorted, pods, parts);
    let has_database = parts.parts.iter().any(|part| part.role.value == Role::Postgres);
    sheet.text("\n");
    sheet.text(&like::rules(heading.like, has_database));
    sheet.into_text()
}

fn head(sheet: &mut Sheet, heading: &Heading<'_>, pods: &Pods<'_>) {
    sheet.comment(&format!(
        "Written by crosspod init. `guess` marks what was inferred, \"?\" what no compose file tells. Next: crosspod check --system {}",
        heading.file
    ));
    sheet.line("schema = 1", "");
    let names: Vec<&str> = pods.services.value.iter().map(|pod| pod.name).collect();
    let (name, why) = name(&names);
    sheet.line(&format!("name = {}", quoted(&name)), why);
    let compose = list(heading.compose.iter().map(String::as_str));
    sheet.line(&format!("compose = {compose}"), "");
}

/// The system's name: that of its one service, or what the names of its services begin with.
fn name(services: &[&str]) -> (String, &'static str) {
    match services {
        [] => (OPEN.to_owned(), "the system's name in reports"),
        [one] => ((*one).to_owned(), "guess: the service's name"),
        [first, others @ ..] => {
            let shared = |length: &usize| others.iter().all(|other| other.get(..*length) == first.get(..*length));
            let longest = (1..=first.len()).rev().find(shared).unwrap_or(0);
            let is_separator = |c: char| c.is_ascii_digit() || "-_.".contains(c);
            match first.get(..longest).unwrap_or_default().trim_end_matches(is_separator) {
                "" => ((*first).to_owned(), "guess: the first service's name"),
                begin => (begin.to_owned(), "guess: the names of the services begin so"),
            }
        }
    }
}

fn write_pods(sheet: &mut Sheet, sorted: &Sorted<'_>, pods: &Pods<'_>) {
    sheet.header("pods");
    let services: Vec<&str> = pods.services.value.iter().map(|pod| pod.name).collect();
    if services.is_empty() {
        let all = sorted.names().join(", ");
        sheet.line(
            &format!("services = {}", list([OPEN])),
            &format!("no service looks like a pod; there are {all}"),
        );
    } else {
        sheet.line(&format!("services = {}", list(services)), &pods.services.why);
    }
    if let Some(copies) = &pods.copies {
        sheet.line(&format!("copies = {}", copies.value), &copies.why);
    }
    match &pods.port {
        Some(port) => sheet.line(&format!("port = {}", port.value), &port.why),
        None => sheet.line(
            &format!("port = {}", quoted(OPEN)),
            "where a pod serves HTTP, inside its container",
        ),
    }
    sheet.line(&format!("alive = {}", quoted(&pods.alive.value)), &pods.alive.why);
    sheet.line(
        &format!("# ready = {}", quoted(OPEN)),
        "only if a 2xx there means \"I can serve\"",
    );
    if pods.first_alone {
        sheet.line(
            "first_alone = true",
            "guess: right for a service that migrates when it starts",
        );
    }
}

fn write_variables(sheet: &mut Sheet, pods: &Pods<'_>) {
    sheet.header("pods.variables");
    for (name, guess) in &pods.variables.set {
        sheet.line(&format!("{} = {}", key(name), quoted(&guess.value)), &guess.why);
    }
    for (name, guess) in &pods.variables.possible {
        sheet.line(&format!("# {} = {}", key(name), quoted(&guess.value)), &guess.why);
    }
}

fn write_part(sheet: &mut Sheet, part: &Part<'_>) {
    sheet.header(&format!("parts.{}", key(part.service.name)));
    sheet.line(&format!("role = {}", quoted(part.role.value.word())), &part.role.why);
    if let Some(ports) = &part.ports {
        sheet.line(&format!("ports = {:?}", ports.value), &ports.why);
    }
    if let Some(url) = &part.url {
        sheet.line(&format!("url = {}", quoted(&url.value)), &url.why);
    }
    if let Some(keeps) = &part.keeps {
        sheet.line(&format!("keeps = {}", quoted(keeps.value.word())), &keeps.why);
    }
}

/// The services that the description says nothing of, as comments.
fn write_others(sheet: &mut Sheet, sorted: &Sorted<'_>, pods: &Pods<'_>, parts: &Parts<'_>) {
    let is_pod = |name: &str| pods.services.value.iter().any(|pod| pod.name == name);
    let asleep: Vec<String> = sorted
        .asleep()
        .filter(|seen| !is_pod(seen.name))
        .map(|seen| format!("{} (profile {})", seen.name, seen.profiles().join(", ")))
        .collect();
    if !parts.alone.is_empty() {
        sheet.text("\n");
        sheet.comment("Started and left alone; add a [parts.SERVICE] for one that shall be broken:");
    }
    for alone in &parts.alone {
        sheet.comment(&format!("  {}: {}", alone.service, alone.why));
    }
    if !asleep.is_empty() {
        sheet.text("\n");
        sheet.comment(&format!("Not started: {}.", asleep.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_called_as_its_services_are() {
        for (services, expected) in [
            (&["chat"][..], "chat"),
            (&["pod-1", "pod-2", "pod-3"], "pod"),
            (&["api_1", "api_12"], "api"),
            (&["one", "two"], "one"),
            (&["ü1", "ö2"], "ü1"),
            (&[], "?"),
        ] {
            assert_eq!(name(services).0, expected);
        }
    }
}
