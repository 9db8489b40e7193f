//! Tells what a run proved: files for machines, lines for people.
//!
//! Everything here is a function of a history and its judgement. Deliberately absent: making either of them.

mod document;
mod figures;
mod folder;
mod terminal;

pub use document::{RunReport, SCHEMA, StoryReport};
pub(crate) use figures::faults_observed;
pub use figures::{RunFigures, Spread, StoryFigures};
pub use folder::{Folder, FolderError, RunFolder};
pub use terminal::{first_screen, story_line, summary};
