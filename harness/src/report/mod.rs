//! Reports of a run: files for programs, lines for people.
//!
//! A report is a function of a history and its judgement. `run` makes the history and `judge` the judgement.

mod document;
mod edge;
mod figures;
mod folder;
mod landing;
mod matrix;
mod reproduce;
mod spread;
mod tally;
mod terminal;

pub use document::{ExcusedPlay, NotPlayed, NotSeen, RunReport, SCHEMA, START, StoryReport};
pub use edge::{EdgeFigures, EdgeSpreads};
pub use figures::{RunFigures, StoryFigures};
pub use folder::{Folder, FolderError, RunFolder};
pub use landing::{Firing, LandingPrecision, Landings, Missed};
pub use matrix::{Control, MATRIX_SCHEMA, MatrixReport, Row, matrix_summary, row_line, track_record};
pub use reproduce::{Command, Conditions, VARIABLES};
pub use spread::Spread;
pub use tally::{TallyPlay, tally};
pub use terminal::{by_reason, first_screen, story_line, summary};
