//! Clients: they make sessions and threads, post, attach, read and cancel. The history gets everything that they do and see.
//!
//! Clients inject no fault (`nemesis`) and have no opinion of what they see (`judge`).

mod answer;
mod api;
mod edge;
mod event_source;
mod intake;
mod manner;
mod reading;
mod request;
mod seen;
mod session;
mod tail;
mod way;

pub use api::{Api, ApiError, Message, Scrape, TailFrom, Unread, Who};
pub use edge::{Browser, Connections, EdgeClient, EntryPlace, OddCookie, Trust};
pub use event_source::{Course, Ended, EventSource, Opens, Order};
pub use intake::{Frame, Intake, Limits};
pub use reading::Reading;
pub use seen::{Seen, TurnSeen};
pub use session::Session;
pub use tail::{Attach, Tail};
pub use way::Way;

#[cfg(test)]
mod tests;
