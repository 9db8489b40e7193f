//! Requests to the system: sign-in, turns, tails, readings.

pub mod attach;
pub mod auth;
pub mod calls;
pub mod reading;
pub mod request;

pub use attach::{AttachCall, Scope};
pub use auth::{Account, Accounts, Auth, Step};
pub use calls::{Busy, Calls, CancelCall, StatusCall, StoppedAs, TooLarge, TurnCall};
pub use reading::{Finder, ReadCall};
pub use request::{Body, Method, Patch, Request, RequestLine};
