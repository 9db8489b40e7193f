//! Frames of a stream, read by the rules of a description into chunks of the history. Pure.
//!
//! [`Reader`] keeps what a reader of a stream must remember: whose text comes next. Frames come from a system that may send
//! anything: a frame that cannot be read becomes a chunk that says so, and never an error of the harness.

mod cursor;
mod frame;
mod outcome;
mod reader;
mod rules;

pub use cursor::{cursor_of, cursor_value, moved};
pub use outcome::Read;
pub use reader::{Keys, Reader};
pub use rules::{FrameRules, status_of};

#[cfg(test)]
mod tests;
