//! What any driver says of a part: its name, how it failed, and how far a step has come.

pub(super) mod error;
pub(super) mod progress;
pub(super) mod service;
