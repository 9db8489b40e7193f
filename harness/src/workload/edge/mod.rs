//! Clients of the edge: browser-like, each with a cookie jar, an address and connections of its own.
//!
//! The HTTP client stays reqwest. A [`relay::Relay`] in this process stands between it and the entry, for the PROXY line and for TLS.
//! Each request is recorded as one `routed` event. A redirect is recorded and never followed.

mod browser;
mod client;
mod odd;
mod relay;

pub use browser::Browser;
pub use client::{Connections, EdgeClient, EntryPlace};
pub use odd::OddCookie;
pub use relay::Trust;

#[cfg(test)]
pub(super) mod fake;
