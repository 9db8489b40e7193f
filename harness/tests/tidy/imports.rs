//! Rooms of the harness and what each may use, and the places where alone some things may be done.

use std::collections::{BTreeMap, BTreeSet};

use super::arrows::Crate;
use super::sources::{Source, member, members, sources};
use super::tokens::{tokens, without_tests};

/// Each room of the harness with the rooms that it may use, from the lowest floor to the highest.
pub(crate) const MAY_USE: &[(&str, &[&str])] = &[
    ("history", &[]),
    ("wire", &[]),
    ("wait", &[]),
    ("verdict", &[]),
    ("plan", &["history"]),
    ("system", &["history", "wire"]),
    ("judge", &["history", "verdict"]),
    ("report", &["history", "system", "verdict"]),
    ("roles", &["history", "system", "wait", "wire"]),
    ("cluster", &["history", "roles", "system", "wire"]),
    ("workload", &["history", "plan", "roles", "system", "wait", "wire"]),
    ("nemesis", &["cluster", "history", "roles", "system", "wait", "wire"]),
    ("init", &["cluster", "system"]),
    (
        "run",
        &[
            "cluster", "history", "judge", "nemesis", "plan", "report", "roles", "system", "verdict", "wait",
            "workload",
        ],
    ),
    (
        "cli",
        &[
            "cluster", "history", "init", "judge", "nemesis", "plan", "report", "run", "system", "verdict", "wire",
        ],
    ),
];

/// Parts of the provider's crate that a room may know; the others know none.
const MAY_KNOW_OF_THE_PROVIDER: &[(&str, &str)] = &[
    ("history", "token"),
    ("plan", "script"),
    ("plan", "token"),
    ("judge", "token"),
    ("roles", "journal"),
    ("system", "token"),
];

/// Requests by which the engine changes a container, as its client names them, but for removal.
const CHANGES_A_CONTAINER: [&str; 10] = [
    "create_container",
    "create_exec",
    "kill_container",
    "pause_container",
    "rename_container",
    "restart_container",
    "start_container",
    "stop_container",
    "update_container",
    "upload_to_container",
];

/// Those of them that the harness makes.
const MADE: [&str; 6] = [
    "create_container",
    "kill_container",
    "pause_container",
    "start_container",
    "update_container",
    "upload_to_container",
];

/// The files that may change a container: its handle, and those that make and remove one.
const CHANGES_CONTAINERS: [&str; 3] = [
    "harness/src/cluster/docker/handle/",
    "harness/src/cluster/docker/images/build.rs",
    "harness/src/cluster/docker/engine/removal.rs",
];

/// Rooms and files in which nothing may depend on the machine, the time or chance. One exception: plans are drawn from a seed.
const PURE: [(&str, &[&str]); 6] = [
    ("init", &[]),
    ("judge", &[]),
    ("plan", &["rand"]),
    ("system", &[]),
    ("report/document", &[]),
    ("verdict", &[]),
];

/// The files of pure rooms that read files, each by one function of a few lines.
const READS_FILES: [&str; 1] = ["system/load/open"];

/// The room of a file: the first part of its path.
fn room(path: &[String]) -> &str {
    path.first().map_or("lib", String::as_str)
}

/// Rooms that a room uses, each with an example.
fn uses(code: &Crate) -> BTreeMap<(String, String), String> {
    let between = code.arrows().iter().filter(|(from, to, _)| room(from) != room(to));
    between
        .map(|(from, to, name)| {
            let example = format!("{}.rs uses {name} of {}.rs", from.join("/"), to.join("/"));
            ((room(from).to_owned(), room(to).to_owned()), example)
        })
        .collect()
}

#[test]
fn rooms_use_only_what_they_may() {
    let code = &member("harness").code;
    let rooms: BTreeSet<&str> = code
        .files()
        .into_iter()
        .map(|file| room(file))
        .filter(|room| *room != "lib")
        .collect();
    let known: BTreeSet<&str> = MAY_USE.iter().map(|(room, _)| *room).collect();
    assert_eq!(rooms, known, "the rooms that there are, and the rooms of the table");
    let uses = uses(code);
    let may = |from: &str| {
        MAY_USE
            .iter()
            .find(|(room, _)| *room == from)
            .map_or(&[][..], |(_, may)| may)
    };
    let forbidden: Vec<&str> = uses
        .iter()
        .filter(|((from, to), _)| from != "lib" && !may(from).contains(&&**to))
        .map(|(_, example)| &**example)
        .collect();
    assert!(
        forbidden.is_empty(),
        "not allowed by the table:\n{}",
        forbidden.join("\n")
    );
    let all = MAY_USE
        .iter()
        .flat_map(|(from, may)| may.iter().map(move |to| (*from, *to)));
    let is_used = |(from, to): &(&str, &str)| uses.contains_key(&((*from).to_owned(), (*to).to_owned()));
    let unused: Vec<_> = all.filter(|pair| !is_used(pair)).collect();
    assert!(unused.is_empty(), "in the table and not used, take it out: {unused:?}");
}

#[test]
fn knowledge_of_the_provider_has_its_place() {
    let mut known = BTreeSet::new();
    let named = member("harness").code.named();
    for (file, path) in &named {
        if let [krate, part, ..] = &path[..]
            && krate == "mock_ai"
        {
            let knowledge = (room(file), &**part);
            let at = format!("{}.rs names mock_ai::{part}", file.join("/"));
            assert!(MAY_KNOW_OF_THE_PROVIDER.contains(&knowledge), "{at}");
            known.insert(knowledge);
        }
    }
    assert_eq!(
        known,
        MAY_KNOW_OF_THE_PROVIDER.iter().copied().collect(),
        "knowledge that is used, and allowed"
    );
}

/// A request in a source, outside its tests.
fn asks_for(source: &Source, request: &str) -> bool {
    let tokens = tokens(&source.text);
    let (code, _) = without_tests(&tokens);
    code.windows(2).any(|pair| pair == [request, "("])
}

#[test]
fn a_container_is_changed_through_its_handle_alone_and_removed_by_label_or_by_who_made_it() {
    let mut stray = Vec::new();
    let mut found = BTreeSet::new();
    for source in sources("harness/src") {
        for request in CHANGES_A_CONTAINER.iter().filter(|request| asks_for(&source, request)) {
            found.insert(*request);
            if !CHANGES_CONTAINERS.iter().any(|place| source.path.starts_with(place)) {
                stray.push(format!("{}: {request}", source.path));
            }
        }
        // By label, or because it was made right here.
        let knows_whose = source.text.contains("labels::of_project(") || asks_for(&source, "create_container");
        if asks_for(&source, "remove_container") && !knows_whose {
            stray.push(format!("{}: remove_container", source.path));
        }
    }
    assert!(stray.is_empty(), "not through a handle:\n{}", stray.join("\n"));
    assert_eq!(found, MADE.into(), "requests that were found, and that are made");
}

/// The machine's part, the clock or the chance that a path names.
fn impure(path: &[String]) -> Option<&'static str> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path[..] {
        ["std", "fs", ..] => Some("fs"),
        ["std", "net", ..] => Some("net"),
        ["tokio", ..] => Some("tokio"),
        ["rand", ..] => Some("rand"),
        _ => ["Instant", "SystemTime"].into_iter().find(|clock| path.contains(clock)),
    }
}

#[test]
fn the_judging_half_is_pure() {
    const FILES_MIN: usize = 60;
    let code = &member("harness").code;
    let named = code.named();
    let is_in = |file: &[String], place: &str| {
        let place: Vec<&str> = place.split('/').collect();
        file.len() >= place.len() && file.iter().zip(&place).all(|(one, other)| one == other)
    };
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (place, excepted) in PURE {
        seen.extend(code.files().into_iter().filter(|file| is_in(file, place)));
        for (file, path) in named.iter().filter(|(file, _)| is_in(file, place)) {
            let reads_files = READS_FILES.contains(&&*file.join("/")) && impure(path) == Some("fs");
            if !reads_files && impure(path).is_some_and(|name| !excepted.contains(&name)) {
                found.push(format!("{}.rs: {}", file.join("/"), path.join("::")));
            }
        }
    }
    assert!(found.is_empty(), "not pure:\n{}", found.join("\n"));
    assert!(
        seen.len() >= FILES_MIN,
        "only {} files of {FILES_MIN} or more",
        seen.len()
    );
    let elsewhere = named
        .iter()
        .filter(|(file, path)| is_in(file, "roles") && impure(path).is_some());
    assert!(
        elsewhere.count() > 0,
        "the search finds nothing where there is something to find"
    );
}

/// Crates that are used by others than the harness and the stories: what is said on the wire.
const SHARED: [&str; 1] = ["crosspod-sse"];

#[test]
fn crates_meet_on_the_wire() {
    let members = members();
    let names: BTreeSet<&str> = members.iter().map(|member| &*member.name).collect();
    for member in members
        .iter()
        .filter(|member| !["crosspod", "scenarios"].contains(&&*member.name))
    {
        let dependencies = |table: &str| {
            member
                .manifest
                .get(table)
                .and_then(toml::Value::as_table)
                .cloned()
                .unwrap_or_default()
        };
        let all: BTreeSet<String> = ["dependencies", "dev-dependencies"]
            .iter()
            .flat_map(|table| dependencies(table))
            .map(|(name, _)| name)
            .collect();
        assert!(
            SHARED.contains(&&*member.name) || !all.is_empty(),
            "{} has no dependencies",
            member.name
        );
        for other in all
            .iter()
            .filter(|other| names.contains(&***other) && **other != member.name)
        {
            assert!(SHARED.contains(&&**other), "{} depends on {other}", member.name);
        }
    }
}
