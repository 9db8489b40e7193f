//! Places of the description that lines of a report are about.

use crate::system::load::Described;

/// The description of the system that is checked.
#[derive(Debug)]
pub struct Places(Described);

impl Places {
    /// The places of a description, as the design that is checked has it.
    pub fn new(described: Described) -> Self {
        Self(described)
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
