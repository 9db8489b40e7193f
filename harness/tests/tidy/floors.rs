//! Floors: in each folder the entries stand above one another, and arrows only go down. So no two of them use each other.
//!
//! Entries are files and sub-folders, and `mod.rs` is one like any other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::arrows::{Arrow, Crate};
use super::sources::members;

/// A circle in a folder.
#[derive(Debug)]
pub(crate) struct Circle {
    /// The folder, from the crate's own.
    pub(crate) folder: String,
    /// Entries that all use one another, directly or not.
    pub(crate) entries: BTreeSet<String>,
    /// The arrows between them: file, used file, and the names.
    pub(crate) arrows: BTreeMap<(String, String), BTreeSet<String>>,
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: Vec<&str> = self.entries.iter().map(String::as_str).collect();
        writeln!(
            f,
            "{}: a circle of {}: {}",
            self.folder,
            entries.len(),
            entries.join(", ")
        )?;
        for ((from, to), names) in &self.arrows {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            writeln!(f, "  {from} -> {to}: {}", names.join(", "))?;
        }
        Ok(())
    }
}

/// Every circle of a crate, folder by folder.
pub(crate) fn circles(of: &Crate) -> Vec<Circle> {
    let folders: BTreeSet<Vec<String>> = of
        .files()
        .into_iter()
        .filter(|path| of.is_folder(path))
        .cloned()
        .collect();
    let place = |file: &[String]| {
        let mut place = file.to_vec();
        if folders.contains(file) {
            place.push("mod".to_owned());
        }
        place
    };
    let arrows: Vec<(Vec<String>, Vec<String>, String)> = of
        .arrows()
        .iter()
        .map(|(from, to, name)| (place(from), place(to), name.clone()))
        .collect();
    folders.iter().flat_map(|folder| circles_in(folder, &arrows)).collect()
}

fn circles_in(folder: &[String], arrows: &[Arrow]) -> Vec<Circle> {
    let inside = arrows.iter().filter(|(from, to, _)| {
        let is_inside = from.starts_with(folder) && to.starts_with(folder);
        is_inside && from[folder.len()] != to[folder.len()]
    });
    let inside: Vec<&Arrow> = inside.collect();
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to, _) in &inside {
        next.entry(&from[folder.len()]).or_default().insert(&to[folder.len()]);
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        next.keys().map(|entry| (*entry, reached_from(entry, &next))).collect();
    let together = |one: &str, other: &str| {
        let leads = |from: &str, to: &str| reached.get(from).is_some_and(|all| all.contains(to));
        leads(one, other) && leads(other, one)
    };
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut found = Vec::new();
    for entry in next.keys() {
        let members: BTreeSet<&str> = next.keys().copied().filter(|other| together(entry, other)).collect();
        if !members.is_empty() && done.insert(entry) {
            done.extend(&members);
            let is_between = |(from, to, _): &&&Arrow| {
                members.contains(&*from[folder.len()]) && members.contains(&*to[folder.len()])
            };
            found.push(circle(folder, &members, inside.iter().filter(is_between).copied()));
        }
    }
    found
}

fn circle<'a>(folder: &[String], members: &BTreeSet<&str>, between: impl Iterator<Item = &'a Arrow>) -> Circle {
    let mut arrows: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for (from, to, name) in between {
        let file = |path: &[String]| format!("{}.rs", path.join("/"));
        arrows.entry((file(from), file(to))).or_default().insert(name.clone());
    }
    Circle {
        folder: [&["src".to_owned()], folder].concat().join("/"),
        entries: members.iter().map(|entry| (*entry).to_owned()).collect(),
        arrows,
    }
}

fn reached_from<'a>(entry: &str, next: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = next.get(entry).into_iter().flatten().copied().collect();
    while let Some(entry) = open.pop() {
        if reached.insert(entry) {
            open.extend(next.get(entry).into_iter().flatten());
        }
    }
    reached
}

/// Fewer arrows between the files of a crate than this, and the rule has not seen them.
const ARROWS_MIN: [(&str, usize); 5] = [
    ("harness", 900),
    ("harness/links", 45),
    ("mock-ai", 90),
    ("fixtures/pod", 150),
    ("scenarios", 20),
];

#[test]
fn in_each_folder_arrows_only_go_down() {
    let mut red = Vec::new();
    let members = members();
    for member in members {
        for circle in circles(&member.code) {
            red.push(format!("{}: {circle}", member.folder));
        }
    }
    for (folder, most) in ARROWS_MIN {
        let member = members.iter().find(|member| member.folder == folder);
        let arrows = member.expect("a member of the workspace").code.arrows();
        let arrows: BTreeSet<_> = arrows.iter().map(|(from, to, _)| (from, to)).collect();
        assert!(
            arrows.len() >= most,
            "{folder}: only {} arrows of {most} or more",
            arrows.len()
        );
    }
    assert!(red.is_empty(), "files that use one another:\n{}", red.join("\n"));
}

/// The circles of a crate that is written here: each as its folder and its entries.
fn found_in(files: &[(&str, &str)]) -> Vec<(String, Vec<String>)> {
    let circles = circles(&Crate::read("planted", files.iter().copied()));
    circles
        .into_iter()
        .map(|circle| (circle.folder, circle.entries.into_iter().collect()))
        .collect()
}

fn circle_of(folder: &str, entries: &[&str]) -> (String, Vec<String>) {
    (
        folder.to_owned(),
        entries.iter().map(|entry| (*entry).to_owned()).collect(),
    )
}

#[test]
fn a_circle_through_a_mod_rs_is_found() {
    let files = [
        ("lib.rs", "mod room; pub use room::Room;"),
        ("room/mod.rs", "mod door; pub struct Room { door: door::Door }"),
        (
            "room/door.rs",
            "use super::Room; pub struct Door; impl Door { fn of(_: &Room) {} }",
        ),
    ];
    assert_eq!(found_in(&files), [circle_of("src/room", &["door", "mod"])]);
    // The list of rooms and the re-exports are no arrows.
    let without = [
        files[0],
        ("room/mod.rs", "mod door; pub use door::Door; pub struct Room;"),
        files[2],
    ];
    assert_eq!(found_in(&without), []);
}

#[test]
fn a_circle_through_a_re_export_is_found() {
    let files = [
        ("lib.rs", "mod high; mod low; mod face;"),
        ("face/mod.rs", "mod inner; pub use crate::low::{Low, other as renamed};"),
        ("face/inner.rs", ""),
        ("high.rs", "use crate::face::*; pub struct High(Low);"),
        (
            "low.rs",
            "pub struct Low; pub fn other() {} fn f() { crate::high::High; }",
        ),
    ];
    assert_eq!(found_in(&files), [circle_of("src", &["high", "low"])]);
    let mut renamed = files;
    renamed[3].1 = "pub struct High; fn f() { super::face::renamed(); }";
    assert_eq!(found_in(&renamed), [circle_of("src", &["high", "low"])]);
    renamed[3].1 = "pub struct High; /// super::face::renamed()\n fn f() {}";
    assert_eq!(found_in(&renamed), []);
}

#[test]
fn a_circle_through_self_is_found() {
    let files = [
        ("lib.rs", "mod cast; mod waits;"),
        (
            "cast.rs",
            "pub struct Cast; impl Cast { fn a(&self) { self.b(); self.c(); } fn c(&self) {} }",
        ),
        ("waits.rs", "use crate::cast::Cast; impl Cast { pub fn b(&self) {} }"),
    ];
    assert_eq!(found_in(&files), [circle_of("src", &["cast", "waits"])]);
    let mut own = files;
    own[1].1 = "pub struct Cast; impl Cast { fn a(&self) { self.c(); } fn c(&self) {} }";
    assert_eq!(found_in(&own), []);
    // A test may use whatever it likes.
    own[1].1 = "pub struct Cast; #[cfg(test)] mod tests { use super::*; impl Cast { fn a(&self) { Cast::b(self); } } }";
    assert_eq!(found_in(&own), []);
    own[1].1 = "pub struct Cast; mod inner { use super::*; impl Cast { fn a(&self) { Cast::b(self); } } }";
    assert_eq!(found_in(&own), [circle_of("src", &["cast", "waits"])]);
}

#[test]
fn a_circle_between_folders_names_the_files() {
    let files = [
        ("main.rs", "mod a; mod b; fn main() { a::run(); }"),
        ("a/mod.rs", "mod deep; pub use deep::run;"),
        (
            "a/deep.rs",
            "use crate::b::{thing::{self, Thing}}; pub fn run() { thing::go(Thing) }",
        ),
        ("b/mod.rs", "pub mod thing;"),
        (
            "b/thing.rs",
            "pub struct Thing; pub fn go(_: Thing) { crate::a::run() }",
        ),
    ];
    let circles = circles(&Crate::read("planted", files));
    let shown: Vec<String> = circles.iter().map(Circle::to_string).collect();
    assert_eq!(
        shown,
        ["src: a circle of 2: a, b\n  a/deep.rs -> b/thing.rs: Thing, go\n  b/thing.rs -> a/deep.rs: run\n"]
    );
}
