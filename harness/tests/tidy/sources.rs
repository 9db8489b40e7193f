//! The workspace's sources and manifests, and the crates that they make.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::arrows::Crate;

/// A text file of the workspace.
#[derive(Debug)]
pub(crate) struct Source {
    /// The path from the workspace's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A member of the workspace.
#[derive(Debug)]
pub(crate) struct Member {
    /// The folder from the workspace's root.
    pub(crate) folder: String,
    pub(crate) name: String,
    pub(crate) manifest: toml::Table,
    pub(crate) code: Crate,
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    let harness = Path::new(env!("CARGO_MANIFEST_DIR"));
    harness.parent().expect("the harness is in a workspace").to_owned()
}

/// The text of a file, named from the workspace's root.
pub(crate) fn text_of(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

/// Every Rust source below a folder.
pub(crate) fn sources(below: &str) -> Vec<Source> {
    let paths = files(below)
        .into_iter()
        .filter(|path| Path::new(path).extension().is_some_and(|e| e == "rs"));
    let found: Vec<Source> = paths
        .map(|path| Source {
            text: text_of(&path),
            path,
        })
        .collect();
    assert!(!found.is_empty(), "no sources below {below}");
    found
}

/// Every Rust source of the workspace.
pub(crate) fn all_sources() -> Vec<Source> {
    // Fewer sources than this, and a rule has missed some.
    const SOURCES_MIN: usize = 300;
    let members = manifest("")["workspace"]["members"].clone();
    let members = members.as_array().expect("a list of members").iter();
    let mut tops: Vec<String> = members
        .filter_map(|member| Some(member.as_str()?.split('/').next()?.to_owned()))
        .collect();
    tops.sort();
    tops.dedup();
    let all: Vec<Source> = tops.iter().flat_map(|top| sources(top)).collect();
    assert!(
        all.len() >= SOURCES_MIN,
        "only {} sources of {SOURCES_MIN} or more",
        all.len()
    );
    all
}

/// Every file below a folder, in order, without Cargo's output.
pub(crate) fn files(below: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (path, is_folder) in entries(below) {
        if is_folder {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Entries of a folder, in order: the path, and true for a folder. Cargo's output is left out.
pub(crate) fn entries(folder: &str) -> Vec<(String, bool)> {
    let read = fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("cannot read {folder}: {error}"));
    let mut found: Vec<(String, bool)> = read
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy();
            // Cargo marks its own output so; a folder that is merely named `target` is read like any other.
            let is_output = path.join("CACHEDIR.TAG").exists();
            (format!("{folder}/{name}"), path.is_dir(), is_output)
        })
        .filter(|(_, _, is_output)| !is_output)
        .map(|(path, is_folder, _)| (path, is_folder))
        .collect();
    found.sort();
    found
}

fn manifest(folder: &str) -> toml::Table {
    let path = Path::new(folder).join("Cargo.toml");
    let text = text_of(&path.to_string_lossy());
    text.parse()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The members of the workspace, read once.
pub(crate) fn members() -> &'static [Member] {
    static MEMBERS: LazyLock<Vec<Member>> = LazyLock::new(|| {
        let workspace = manifest("");
        let folders = workspace["workspace"]["members"].as_array().expect("a list of members");
        folders
            .iter()
            .map(|folder| read_member(folder.as_str().expect("a folder")))
            .collect()
    });
    &MEMBERS
}

/// One member, by its folder.
pub(crate) fn member(folder: &str) -> &'static Member {
    let found = members().iter().find(|member| member.folder == folder);
    found.unwrap_or_else(|| panic!("{folder} is no member of the workspace"))
}

fn read_member(folder: &str) -> Member {
    let manifest = manifest(folder);
    let name = manifest["package"]["name"].as_str().expect("a name").to_owned();
    let src = format!("{folder}/src");
    let sources = sources(&src);
    let inside = sources
        .iter()
        .map(|source| (&source.path[src.len() + 1..], &*source.text));
    Member {
        code: Crate::read(&name, inside),
        folder: folder.to_owned(),
        name,
        manifest,
    }
}
