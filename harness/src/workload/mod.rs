//! What clients do: make sessions and threads, post, attach, read, cancel. Everything they do and see goes into the history.
//!
//! Deliberately absent: faults (`nemesis`), and any opinion of what is seen (`checkers`).

mod api;
mod tail;

pub use api::{Api, ApiError, Session};
pub use tail::{Attach, Seen, Tail, TurnSeen};
