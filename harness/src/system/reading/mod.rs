//! Frames of a stream, read by the rules of a description into chunks of the history. Pure.
//!
//! [`Reader`] keeps what a reader of a stream must remember: whose text comes next. Frames come from a system that may send
//! anything: a frame that cannot be read becomes a chunk that says so, and never an error of the harness.

mod cursor;
mod entries;
mod frame;
mod outcome;
mod reader;
mod rules;
mod tokens;

pub use cursor::{cursor_of, cursor_value, moved, of_another_stream};
pub use entries::{Body, Entries, Entry, LogMessage};
pub use outcome::Read;
pub use reader::{Keys, Reader};
pub use rules::{FrameRules, status_of};
pub use tokens::{TextToken, tokens_of};

#[cfg(test)]
mod tests;
