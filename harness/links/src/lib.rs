//! A fault proxy: TCP connections run through it, and on command it delays, starves, cuts and drops them.
//!
//! Commands come over Toxiproxy's HTTP interface (same paths, fields and toxic types). So existing clients can drive it,
//! and Toxiproxy's own image can take its place. Two things are added: more types of toxic ([`model::CutInside`],
//! [`model::HalfOpen`], [`model::Down`], [`model::Hold`]), and an account of each toxic's effects ([`model::Effects`]),
//! which proves that a fault has landed.
//!
//! - [`model`]: the words of the interface, shared by server and client.
//! - `request`: the bodies of requests, checked. Pure.
//! - `pipeline`: the way of the bytes in one direction of one connection. Pure; the time is an argument.
//! - `server`: sockets, connections and the HTTP interface, with the feature `server`.
//! - `client`: a typed client, with the feature `client`.
//!
//! Absent: TLS, UDP, HTTP/2 on the admin interface, and any judgement of a fault's consequences.

#[cfg(feature = "client")]
pub mod client;
pub mod model;
#[cfg(feature = "server")]
mod pipeline;
#[cfg(feature = "server")]
mod request;
#[cfg(feature = "server")]
pub mod server;
