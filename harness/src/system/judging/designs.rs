//! `[designs.NAME]`: the same keys once more, laid over the file.

use crate::system::table::node::Value;
use crate::system::table::read::wrong_kind;
use crate::system::table::{Node, Problem, Read, Shape};

/// Keys that a design cannot change.
const FIXED: [&str; 3] = ["schema", "name", "designs"];

/// A design of the system: what it lays over the rest of the file. Tables merge, lists replace lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Design {
    /// Keys of the top of the file that the design says something about.
    pub says: Vec<String>,
}

impl Read for Design {
    fn shape() -> Shape {
        Shape::Free("table of any keys of this file")
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        let Value::Table(entries) = &node.value else {
            wrong_kind(node, "a table", found);
            return None;
        };
        for entry in entries.iter().filter(|entry| FIXED.contains(&&*entry.key)) {
            let message = format!("{}: a design cannot change {}", node.path, entry.key);
            found.push(Problem::new(&entry.span, message));
        }
        let says = entries.iter().map(|entry| entry.key.clone()).collect();
        Some(Self { says })
    }
}
