//! A description is read: every mistake at once, each with its place and with what to write instead.
//!
//! Pure: files and variables that a description refers to are asked of [`Surroundings`]. Each design is read as a file of its own, with
//! the design's keys laid over the others; a mistake that two designs share is shown once.

pub mod against;
pub mod open;
mod partial;
pub mod reference;
pub(crate) mod workspace;

use super::checks;
use super::file::System;
use super::table::node::{Entry, Value};
use super::table::open::{Opening, open_values};
use super::table::unknown::unknown_keys;
use super::table::{Node, Problem, Problems, Read, Source};

pub use super::checks::surroundings::{Beside, BesideFolder, Surroundings};

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
    /// The values that are still to be said, in the order of the text. `system` is without them.
    pub open: Vec<Opening>,
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

    /// The first open value at a path or below it.
    pub fn open_at(&self, path: &str) -> Option<&Opening> {
        self.open.iter().find(|open| is_below(&open.path, path))
    }
}

/// True if a path leads to a value or to something in it.
fn is_below(path: &str, value: &str) -> bool {
    let rest = path.strip_prefix(value);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Reads a description; `name` is the file's name in messages.
///
/// # Errors
/// Every mistake of the file, open values among them, with what is odd beside them.
pub fn load_text(name: &str, text: &str, around: &Surroundings<'_>) -> Result<Description, Problems> {
    let (read, mut found) = read(text, around);
    found.extend(read.iter().flat_map(|one| &one.open).map(Opening::problem));
    described(name, text, read, found)
}

/// Reads a description by itself: what it refers to is taken to be there.
///
/// # Errors
/// Every mistake of the file.
pub fn load_alone(name: &str, text: &str) -> Result<Description, Problems> {
    load_text(name, text, &Surroundings::taken_as_there())
}

/// Reads a description that may have open values: it is used as far as it is said.
///
/// # Errors
/// Every other mistake of the file; or every open value, if too little is said to start anything.
pub fn load_partial(name: &str, text: &str, around: &Surroundings<'_>) -> Result<Description, Problems> {
    let (mut read, mut found) = read(text, around);
    for one in read.iter_mut().filter(|one| !one.open.is_empty()) {
        one.system = partial::partial(&one.tree);
    }
    let unusable = read.iter().filter(|one| one.system.is_none());
    found.extend(unusable.flat_map(|one| &one.open).map(Opening::problem));
    described(name, text, read, found)
}

/// The file as one design has it, as far as it could be read.
struct Variant {
    design: Option<String>,
    tree: Node,
    system: Option<System>,
    open: Vec<Opening>,
}

/// Reads each design of a file. Beside them come the mistakes that no open value explains.
fn read(text: &str, around: &Surroundings<'_>) -> (Vec<Variant>, Vec<Problem>) {
    let (root, mut found) = parse(text);
    let is_whole = found.is_empty();
    let mut read = Vec::new();
    for (design, tree) in variants(&root) {
        let system = System::read(&tree, &mut found);
        unknown_keys(&tree, System::page, &mut found);
        checks::check(&tree, around, &mut found);
        let open = open_values(&tree, System::page);
        read.push(Variant {
            design,
            tree,
            system,
            open,
        });
    }
    if !is_whole {
        // What a mistake of grammar took away is not missing.
        found.retain(|problem| !problem.is_absence);
    }
    // A value that is still to be said is not wrong in other ways too.
    let open = read.iter().flat_map(|one| &one.open);
    found.retain(|problem| open.clone().all(|open| open.span != problem.span));
    (read, found)
}

fn described(name: &str, text: &str, read: Vec<Variant>, found: Vec<Problem>) -> Result<Description, Problems> {
    let source = Source {
        name: name.into(),
        text: text.into(),
    };
    let problems = Problems::new(source.clone(), found);
    if problems.has_errors() {
        return Err(problems);
    }
    let designs = read.into_iter().filter_map(|one| {
        Some(Described {
            design: one.design,
            system: one.system?,
            source: source.clone(),
            tree: one.tree,
            open: one.open,
        })
    });
    Ok(Description {
        designs: designs.collect(),
        warnings: problems,
    })
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
