//! The provider over real sockets: what clients get from it, and what the admin interface says of them.

#![expect(clippy::unwrap_used, reason = "a test that fails here says so by panicking")]

mod admin;
mod client;
mod endings;
mod gates;
mod odd;
mod pace;
mod process;
mod refusals;
mod shape;
