//! A description is read: every mistake at once, each with its place and with what to write instead.
//!
//! Pure: files and variables that a description refers to are asked of [`Surroundings`]. Each design is read as a file of its own, with
//! the design's keys laid over the others; a mistake that two designs share is shown once.

pub mod against;
pub mod open;
pub mod reference;
pub(crate) mod workspace;

use super::checks;
use super::file::System;
use super::table::node::{Entry, Value};
use super::table::open::open_values;
use super::table::unknown::unknown_keys;
use super::table::{Node, Problem, Problems, Read, Source};

pub use super::checks::surroundings::{Beside, Surroundings};

/// A description without mistakes.
#[derive(Debug, Clone)]
pub struct Description {
    /// The system as each design has it, in the order of the file: the first is the default. One without a name if there are no designs.
    pub designs: Vec<Described>,
    /// What is odd and can be used all the same.
    pub warnings: Problems,
}

/// A system as one design has it.
#[derive(Debug, Clone)]
pub struct Described {
    /// The design's name, if the file has designs.
    pub design: Option<String>,
    /// The system.
    pub system: System,
    /// The file, for messages that name a line.
    pub source: Source,
    /// The values with their places, as the design has them.
    pub tree: Node,
}

impl Description {
    /// The system as a design has it: the one of that name, else the first. Returns `None` if there is no such design.
    pub fn design(&self, name: Option<&str>) -> Option<&Described> {
        match name {
            Some(_) => self
                .designs
                .iter()
                .find(|described| described.design.as_deref() == name),
            None => self.designs.first(),
        }
    }
}

impl Described {
    /// Line and column of a value, by its path: `stream.frames[0].resets`. Returns `None` if the file does not say it.
    pub fn place(&self, path: &str) -> Option<(usize, usize)> {
        let node = self.tree.find(path)?;
        Some(self.source.place(node.span.start))
    }
}

/// Reads a description; `name` is the file's name in messages.
///
/// # Errors
/// Every mistake of the file, with what is odd beside them.
pub fn load_text(name: &str, text: &str, around: &Surroundings<'_>) -> Result<Description, Problems> {
    let source = Source {
        name: name.into(),
        text: text.into(),
    };
    let (root, mut found) = parse(text);
    let is_whole = found.is_empty();
    let (mut designs, mut open) = (Vec::new(), Vec::new());
    for (design, tree) in variants(&root) {
        let read = System::read(&tree, &mut found);
        unknown_keys(&tree, System::page, &mut found);
        checks::check(&tree, around, &mut found);
        open.extend(open_values(&tree, System::page));
        designs.extend(read.map(|system| Described {
            design,
            system,
            source: source.clone(),
            tree,
        }));
    }
    if !is_whole {
        // What a mistake of grammar took away is not missing.
        found.retain(|problem| !problem.is_absence);
    }
    // A value that is still to be said is not wrong in other ways too.
    found.retain(|problem| open.iter().all(|open| open.span != problem.span));
    found.append(&mut open);
    let problems = Problems::new(source, found);
    if problems.has_errors() {
        Err(problems)
    } else {
        Ok(Description {
            designs,
            warnings: problems,
        })
    }
}

/// Longest chain of broken lines that is followed.
const BROKEN_LINES_MAX: usize = 50;

/// Reads the grammar. A line that ends the reader's work is left out and the rest is read again: spans stay as they are.
fn parse(text: &str) -> (Node, Vec<Problem>) {
    let mut text = text.to_owned();
    let mut lost = Vec::new();
    for _ in 0..BROKEN_LINES_MAX {
        let (root, mut found) = Node::parse(&text);
        let broken = found
            .iter()
            .position(|problem| problem.message.contains("key with no value"));
        let Some(broken) = broken else {
            found.append(&mut lost);
            return (root, found);
        };
        let problem = found.swap_remove(broken);
        let start = text[..problem.span.start].rfind('\n').map_or(0, |at| at + 1);
        let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        text.replace_range(start..end, &" ".repeat(end - start));
        lost.push(problem);
    }
    let (root, mut found) = Node::parse(&text);
    found.append(&mut lost);
    (root, found)
}

/// The file as each design has it.
fn variants(root: &Node) -> Vec<(Option<String>, Node)> {
    let designs = root.get("designs").map_or(&[][..], Node::entries);
    if designs.is_empty() {
        return vec![(None, root.clone())];
    }
    let variant = |design: &Entry| {
        let mut tree = root.clone();
        let over: Vec<&Entry> = design.node.entries().iter().collect();
        lay_over(&mut tree, &over);
        tree.name_paths("");
        (Some(design.key.clone()), tree)
    };
    designs.iter().map(variant).collect()
}

/// Lays entries over a table: tables merge, everything else is replaced.
fn lay_over(under: &mut Node, over: &[&Entry]) {
    let Value::Table(entries) = &mut under.value else {
        return;
    };
    for entry in over {
        let known = entries.iter_mut().find(|known| known.key == entry.key);
        match known {
            Some(known) if is_table(&known.node) && is_table(&entry.node) => {
                let over: Vec<&Entry> = entry.node.entries().iter().collect();
                lay_over(&mut known.node, &over);
            }
            Some(known) => known.node = entry.node.clone(),
            None => entries.push((*entry).clone()),
        }
    }
}

fn is_table(node: &Node) -> bool {
    matches!(node.value, Value::Table(_))
}

#[cfg(test)]
mod tests;
