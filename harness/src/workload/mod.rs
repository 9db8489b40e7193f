//! What clients do: make sessions and threads, post, attach, read, cancel. Everything they do and see goes into the history.
//!
//! Deliberately absent: faults (`nemesis`), and any opinion of what is seen (`judge`).

mod answer;
mod api;
mod intake;
mod manner;
mod seen;
mod tail;

pub use api::{Api, ApiError, Scrape, Session};
pub use intake::{Frame, Intake, Limits};
pub use seen::{Seen, TurnSeen};
pub use tail::{Attach, Tail};
