//! Parts: which services are some, and what is known of each.

mod choice;
mod database;
mod keeps;

pub(super) use choice::{Part, Parts};
