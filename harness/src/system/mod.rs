//! The system under test: its description, and what follows from it.
//!
//! A description is data (`system.toml`). [`System`] is one as it is played: in one design, with one profile. Nothing here opens a
//! socket: `cluster` starts the system, `roles` ask its parts, `workload` talks to its pods.

pub mod checks;
pub mod choice;
pub mod file;
pub mod judging;
pub mod language;
pub mod load;
pub mod needs;
pub mod parts;
pub mod reading;
pub mod stored;
pub mod stream;
pub mod table;
pub mod talk;
mod under_test;

pub use choice::{Choice, Unfit};
pub use judging::{Defect, Expected};
pub use under_test::System;
