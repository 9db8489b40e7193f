//! Values of a description, read out of the tree. Each reader notes what is wrong and goes on: one mistake hides no other.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use super::nearest::{is_slip, nearest, one_of};
use super::node::{Entry, Node, Value};
use super::problem::Problem;
use super::shape::{Key, Presence, Shape};

/// A type that is read from a value of a description.
pub trait Read: Sized {
    /// The shape of its values, for the reference page.
    fn shape() -> Shape;

    /// Reads a value. Returns `None` if it is wrong; the mistakes are in `found` then.
    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self>;

    /// The value of a key that is not there. Returns `None` if the key must be there.
    fn absent() -> Option<Self> {
        None
    }

    /// Whether a key of this type may be left out.
    fn presence() -> Presence {
        Presence::Required
    }
}

/// Notes that a value is of the wrong kind.
pub fn wrong_kind(node: &Node, wanted: &str, found: &mut Vec<Problem>) {
    found.push(Problem::at(node, format!("wants {wanted}, not {}", node.kind())));
}

impl Read for String {
    fn shape() -> Shape {
        Shape::Text("text")
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        if let Value::Text(text) = &node.value {
            return Some(text.clone());
        }
        wrong_kind(node, "a text", found);
        None
    }
}

impl Read for bool {
    fn shape() -> Shape {
        Shape::Flag
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        if let Value::Flag(flag) = node.value {
            return Some(flag);
        }
        wrong_kind(node, "true or false", found);
        None
    }
}

/// Reads a whole number that lies between two bounds, both included.
pub fn whole(node: &Node, from: i64, to: i64, found: &mut Vec<Problem>) -> Option<i64> {
    match node.value {
        Value::Whole(number) if (from..=to).contains(&number) => Some(number),
        Value::Whole(number) => {
            let bounds = if to == i64::MAX {
                format!("{from} or more")
            } else {
                format!("{from} to {to}")
            };
            found.push(Problem::at(node, format!("{number} is not in {bounds}")));
            None
        }
        _ => {
            wrong_kind(node, "a number", found);
            None
        }
    }
}

/// A whole number between two bounds, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number<const FROM: i64, const TO: i64>(i64);

impl<const FROM: i64, const TO: i64> Number<FROM, TO> {
    /// A number that is known to lie between the bounds.
    ///
    /// # Panics
    /// It does not.
    pub const fn of(number: i64) -> Self {
        assert!(FROM <= number && number <= TO, "the number lies between the bounds");
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl<const FROM: i64, const TO: i64> Read for Number<FROM, TO> {
    fn shape() -> Shape {
        Shape::Whole(FROM, TO)
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        whole(node, FROM, TO, found).map(Self)
    }
}

impl Read for u32 {
    fn shape() -> Shape {
        Shape::Whole(0, i64::from(u32::MAX))
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        whole(node, 0, i64::from(u32::MAX), found).and_then(|number| number.try_into().ok())
    }
}

impl Read for u16 {
    fn shape() -> Shape {
        Shape::Whole(1, i64::from(u16::MAX))
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        whole(node, 1, i64::from(u16::MAX), found).and_then(|number| number.try_into().ok())
    }
}

impl<T: Read> Read for Option<T> {
    fn shape() -> Shape {
        T::shape()
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        T::read(node, found).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn presence() -> Presence {
        Presence::Optional
    }
}

impl<T: Read> Read for Box<T> {
    fn shape() -> Shape {
        T::shape()
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        T::read(node, found).map(Self::new)
    }
}

impl<T: Read> Read for Vec<T> {
    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        let Value::List(items) = &node.value else {
            wrong_kind(node, "a list", found);
            return None;
        };
        let read: Vec<Option<T>> = items.iter().map(|item| T::read(item, found)).collect();
        read.into_iter().collect()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn presence() -> Presence {
        Presence::Default("[]")
    }
}

/// A list with at least one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled<T>(Vec<T>);

impl<T> Deref for Filled<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> DerefMut for Filled<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T: Read> Read for Filled<T> {
    fn shape() -> Shape {
        Vec::<T>::shape()
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        let list = Vec::read(node, found)?;
        if list.is_empty() {
            found.push(Problem::at(node, "the list is empty; at least one entry is needed"));
            return None;
        }
        Some(Self(list))
    }
}

impl<T: Read> Read for BTreeMap<String, T> {
    fn shape() -> Shape {
        Shape::Keyed("NAME", Box::new(T::shape()))
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        Named::read(node, found).map(|named| named.0.into_iter().collect())
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn presence() -> Presence {
        Presence::Default("{}")
    }
}

/// A table with keys of the user's choice, in the order of the text: the first may be the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<T>(Vec<(String, T)>);

impl<T> Named<T> {
    /// The value of a key.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The keys, in the order of the text.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| &**name)
    }
}

impl<T> Deref for Named<T> {
    type Target = [(String, T)];

    fn deref(&self) -> &[(String, T)] {
        &self.0
    }
}

impl<T: Read> Read for Named<T> {
    fn shape() -> Shape {
        Shape::Keyed("NAME", Box::new(T::shape()))
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        let Value::Table(entries) = &node.value else {
            wrong_kind(node, "a table", found);
            return None;
        };
        let read = |entry: &Entry| Some((entry.key.clone(), T::read(&entry.node, found)?));
        let read: Vec<Option<(String, T)>> = entries.iter().map(read).collect();
        read.into_iter().collect::<Option<_>>().map(Self)
    }

    fn absent() -> Option<Self> {
        Some(Self(Vec::new()))
    }

    fn presence() -> Presence {
        Presence::Default("{}")
    }
}

/// Reads a text that has a grammar of its own.
pub fn parsed<T, E: std::fmt::Display>(
    node: &Node,
    wanted: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
    found: &mut Vec<Problem>,
) -> Option<T> {
    let Value::Text(text) = &node.value else {
        wrong_kind(node, wanted, found);
        return None;
    };
    parse(text).map_err(|e| found.push(Problem::at(node, e))).ok()
}

/// Reads one of some words.
pub fn word<T: Copy>(node: &Node, words: &[(&'static str, T)], found: &mut Vec<Problem>) -> Option<T> {
    let known = || words.iter().map(|(word, _)| *word);
    let Value::Text(text) = &node.value else {
        wrong_kind(node, &one_of(known()), found);
        return None;
    };
    let meant = words.iter().find(|(word, _)| word == text);
    if meant.is_none() {
        let problem = Problem::at(node, format!("no {text:?} is known here"));
        found.push(match nearest(text, known()) {
            Some(near) => problem.help(format!("did you mean {near:?}?")),
            None => problem.help(format!("say {}", one_of(known()))),
        });
    }
    meant.map(|(_, value)| *value)
}

/// A table while it is read.
#[derive(Debug)]
pub struct Keys<'n, 'f> {
    node: &'n Node,
    known: Vec<Key>,
    found: &'f mut Vec<Problem>,
}

impl<'n, 'f> Keys<'n, 'f> {
    /// Begins a table with the keys that it may have. Returns `None` if the value is no table.
    pub fn of(node: &'n Node, known: Vec<Key>, found: &'f mut Vec<Problem>) -> Option<Self> {
        if !matches!(node.value, Value::Table(_)) {
            wrong_kind(node, "a table", found);
            return None;
        }
        Some(Self { node, known, found })
    }

    /// The table, and the mistakes that were found so far.
    pub fn parts(&mut self) -> (&'n Node, &mut Vec<Problem>) {
        (self.node, self.found)
    }

    /// Reads the value of a key.
    pub fn take<T: Read>(&mut self, key: &'static str) -> Option<T> {
        self.take_or(key, T::absent)
    }

    /// Reads the value of a key that has a default.
    pub fn take_or<T: Read>(&mut self, key: &'static str, absent: impl FnOnce() -> Option<T>) -> Option<T> {
        match self.node.get(key) {
            Some(node) => T::read(node, self.found),
            None => absent().or_else(|| {
                if !self.is_misspelt(key) {
                    let missing = Problem::at(self.node, format!("{key} is missing"));
                    self.found
                        .push(missing.absence().help(format!("say {key} = {}", sample(&T::shape()))));
                }
                None
            }),
        }
    }

    /// True if an unknown key stands in the place of this one. Unknown keys are noted elsewhere.
    fn is_misspelt(&self, key: &str) -> bool {
        let is_known = |said: &str| self.known.iter().any(|known| known.name == said);
        let mut unknown = self.node.entries().iter().filter(|entry| !is_known(&entry.key));
        unknown.any(|entry| is_slip(&entry.key, key))
    }
}

/// The value of a table that is not there, of whose keys none must be.
///
/// # Panics
/// A key must be there.
pub fn empty<T: Read>() -> T {
    let node = Node {
        span: 0..0,
        path: String::new(),
        value: Value::Table(Vec::new()),
    };
    T::read(&node, &mut Vec::new()).expect("every key has a default")
}

/// A value of a shape, for a message that says what to write.
fn sample(shape: &Shape) -> String {
    match shape {
        Shape::Text(_) => "\"...\"".to_owned(),
        Shape::Whole(from, _) => from.to_string(),
        Shape::Flag => "true".to_owned(),
        Shape::Words(words) => format!("{:?}", words.first().map_or("", |(word, _)| word)),
        Shape::List(of) => format!("[{}]", sample(of)),
        Shape::Keyed(..) | Shape::Table(_) | Shape::Free(_) => "{ ... }".to_owned(),
        Shape::Any(shapes) => shapes.first().map_or_else(String::new, sample),
    }
}

/// A table of a description.
pub trait Section: Sized {
    /// Its keys, those that it takes over from another table included.
    fn keys() -> Vec<Key>;

    /// Reads its keys.
    fn take(keys: &mut Keys<'_, '_>) -> Option<Self>;
}
