//! Places of the description that lines of a report are about.

use crate::system::load::Described;
use crate::system::table::node::Value;
use crate::system::table::open::Opening;

/// The description of the system that is checked.
#[derive(Debug)]
pub struct Places(Described);

impl Places {
    /// The places of a description, as the design that is checked has it.
    pub fn new(described: Described) -> Self {
        Self(described)
    }

    /// The description.
    pub(in crate::run) fn described(&self) -> &Described {
        &self.0
    }

    /// The open values, in the order of the text.
    pub fn open(&self) -> &[Opening] {
        &self.0.open
    }

    /// True if the value at a path is open, or something in it.
    pub(in crate::run) fn is_open(&self, path: &str) -> bool {
        self.0.open_at(path).is_some()
    }

    /// The reason why something is not tried that needs some values: the first of them that is open. `None` if all are said.
    pub(in crate::run) fn not_tried(&self, needed: &[&str]) -> Option<String> {
        let open = needed.iter().find_map(|path| self.0.open_at(path))?;
        Some(format!("not tried: {} is open", open.path))
    }

    /// The text at a path, if the description says one.
    pub(in crate::run) fn text(&self, path: &str) -> Option<&str> {
        match &self.0.tree.find(path)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Line and column of a value by its path; of the nearest table around it if the file does not say the value.
    pub(in crate::run) fn of(&self, path: &str) -> Option<(usize, usize)> {
        let mut path = path;
        loop {
            if let Some(place) = self.0.place(path) {
                return Some(place);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::load::reference::described;

    #[test]
    fn a_value_that_is_not_said_has_the_place_of_the_table_around_it() {
        let described = described();
        let places = Places::new(described.design(None).expect("a design").clone());
        let rule = places.of("stream.frames[1]");
        assert!(rule.is_some());
        assert_eq!(places.of("stream.frames[1].whole"), rule);
        assert_ne!(places.of("stream.frames[1].text"), rule);
        assert_eq!(places.of("nothing.of.this"), None);
    }
}
