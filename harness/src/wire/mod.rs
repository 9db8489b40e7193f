//! Bounded readers for bytes that the harness did not write: HTTP bodies, JSON, and replies of Redis.
//!
//! A reader here knows the format of the bytes and nothing of their sender: it imports no other module of the harness.

pub(crate) mod http;
pub mod json;
pub mod resp;
#[cfg(test)]
pub(crate) mod resp_request;
pub mod text;
