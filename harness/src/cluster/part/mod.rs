//! The vocabulary of every driver for a part: its name, its state, its errors, and the progress of a step.

pub(super) mod awaited;
pub(super) mod error;
pub(super) mod progress;
pub(super) mod role;
pub(super) mod state;
