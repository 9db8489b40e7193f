//! Looks into the tree of a description, by path.

use crate::system::table::node::Value;
use crate::system::table::{Node, Read};

/// Reads the value at a path, if it is there and sound. Its mistakes are noted elsewhere.
pub(super) fn read<T: Read>(tree: &Node, path: &str) -> Option<T> {
    T::read(tree.find(path)?, &mut Vec::new())
}

/// The keys of a table.
pub(super) fn keys<'t>(tree: &'t Node, path: &str) -> Vec<&'t str> {
    let entries = tree.find(path).map_or(&[][..], Node::entries);
    entries.iter().map(|entry| &*entry.key).collect()
}

/// The entries of a list, or of nothing.
pub(super) fn items<'t>(tree: &'t Node, path: &str) -> &'t [Node] {
    match tree.find(path).map(|node| &node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// A text of the tree.
pub(super) fn text<'t>(tree: &'t Node, path: &str) -> Option<&'t str> {
    match &tree.find(path)?.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}
