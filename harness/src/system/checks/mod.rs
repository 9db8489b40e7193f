//! Checks over several tables: names that must be known, keys that need each other, literals that look like secrets.
//!
//! A check reads what it needs from the tree by itself, so that a mistake in one table hides none in another.

mod judged;
mod names;
mod parts;
mod secrets;
mod stores;
pub mod surroundings;
mod talk;
pub(crate) mod timings;

use surroundings::Surroundings;

use super::table::node::Value;
use super::table::{Node, Problem, Read};

/// Notes every mistake between tables of a description.
pub(crate) fn check(tree: &Node, around: &Surroundings<'_>, found: &mut Vec<Problem>) {
    parts::check(tree, around, found);
    names::check(tree, around, found);
    talk::check(tree, found);
    stores::check(tree, found);
    timings::check(tree, found);
    judged::check(tree, around, found);
    secrets::check(tree, found);
}

/// Reads the value at a path, if it is there and sound. Its mistakes are noted elsewhere.
fn read<T: Read>(tree: &Node, path: &str) -> Option<T> {
    T::read(tree.find(path)?, &mut Vec::new())
}

/// The keys of a table.
fn keys<'t>(tree: &'t Node, path: &str) -> Vec<&'t str> {
    let entries = tree.find(path).map_or(&[][..], Node::entries);
    entries.iter().map(|entry| &*entry.key).collect()
}

/// The entries of a list, or of nothing.
fn items<'t>(tree: &'t Node, path: &str) -> &'t [Node] {
    match tree.find(path).map(|node| &node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// A text of the tree.
fn text<'t>(tree: &'t Node, path: &str) -> Option<&'t str> {
    match &tree.find(path)?.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}
