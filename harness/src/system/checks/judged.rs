//! Promises and stories that a description names.

use super::look::items;
use super::surroundings::Surroundings;
use crate::system::language::Glob;
use crate::system::table::nearest::nearest;
use crate::system::table::node::Value;
use crate::system::table::{Node, Problem};

pub(super) fn check(tree: &Node, around: &Surroundings<'_>, found: &mut Vec<Problem>) {
    let lists = if around.promises.is_empty() {
        &[][..]
    } else {
        &["expected", "defects"]
    };
    for list in lists {
        for entry in items(tree, list) {
            for node in names(entry, "promises") {
                known(node, "promise", around.promises, found);
            }
        }
    }
    if !around.stories.is_empty() {
        for node in items(tree, "expected").iter().flat_map(|entry| names(entry, "stories")) {
            known(node, "story", around.stories, found);
        }
    }
}

/// The entries of a list of names.
fn names<'t>(entry: &'t Node, key: &str) -> &'t [Node] {
    match entry.get(key).map(|node| &node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// Notes a name that fits nothing that is known.
fn known(node: &Node, kind: &str, known: &[&str], found: &mut Vec<Problem>) {
    let Value::Text(name) = &node.value else { return };
    let glob = Glob::new(name);
    if known.iter().any(|known| glob.fits(known)) {
        return;
    }
    let problem = Problem::at(node, format!("no {kind} {name:?}"));
    found.push(match nearest(name, known.iter().copied()) {
        Some(near) => problem.help(format!("did you mean {near}?")),
        None => problem.help("`crosspod list` prints those that there are"),
    });
}
