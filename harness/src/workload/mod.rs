//! Clients: they make sessions and threads, post, attach, read and cancel. The history gets everything that they do and see.
//!
//! Clients inject no fault (`nemesis`) and have no opinion of what they see (`judge`).

mod answer;
mod api;
mod carried;
mod intake;
mod manner;
mod seen;
mod tail;

pub use api::{Api, ApiError, Scrape, Session};
pub use intake::{Frame, Intake, Limits};
pub use seen::{Seen, TurnSeen};
pub use tail::{Attach, Tail};
