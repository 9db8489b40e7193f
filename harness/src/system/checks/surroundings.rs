//! What a description refers to outside of itself.

use std::fmt;

/// What a description refers to outside of itself.
pub struct Surroundings<'s> {
    /// Whether a file is there, by its path from the folder of the description.
    pub file: &'s dyn Fn(&str) -> Beside,
    /// Whether a folder is there and holds something, by its path from the folder of the description.
    pub folder: &'s dyn Fn(&str) -> BesideFolder,
    /// True if a variable of the environment is set.
    pub is_set: &'s dyn Fn(&str) -> bool,
    /// Promises that are judged. Empty: not known here, and not checked.
    pub promises: &'s [&'s str],
    /// Stories that can be played. Empty: not known here, and not checked.
    pub stories: &'s [&'s str],
}

impl Surroundings<'static> {
    /// Files and variables are taken to be there, and names of promises and stories to be right.
    pub fn taken_as_there() -> Self {
        Self {
            file: &|_| Beside::There,
            folder: &|_| BesideFolder::Filled,
            is_set: &|_| true,
            promises: &[],
            stories: &[],
        }
    }
}

/// Whether a file is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beside {
    /// It is.
    There,
    /// It is not; these are, in the same folder.
    Missing(Vec<String>),
}

/// Whether a folder is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BesideFolder {
    /// It is, and holds something.
    Filled,
    /// It is, and holds nothing.
    Empty,
    /// It is not; these folders are, in the same one.
    Missing(Vec<String>),
}

impl fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("promises", &self.promises)
            .field("stories", &self.stories)
            .finish_non_exhaustive()
    }
}
