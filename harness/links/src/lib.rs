//! A fault proxy: TCP connections run through it, and it delays, starves, cuts and drops them when it is told to.
//!
//! It is told over Toxiproxy's HTTP interface (same paths, fields and toxic types), so that existing clients can drive
//! it and Toxiproxy's own image can take its place. Two things are added: more types of toxic ([`model::CutInside`],
//! [`model::HalfOpen`], [`model::Down`]), and an account of what each toxic has done ([`model::Effects`]), so that
//! nobody has to assume that a fault has landed.
//!
//! - [`model`]: the words of the interface, shared by server and client.
//! - `request`: what requests may say, and how each mistake is answered. Pure.
//! - `pipeline`: what happens to the bytes of one direction of one connection. Pure; the time is an argument.
//! - `server`: sockets, connections and the HTTP interface, with the feature `server`.
//! - `client`: a typed client, with the feature `client`.
//!
//! Absent: TLS, UDP, HTTP/2 on the admin interface, and any judgement of what a fault should have led to.

#[cfg(feature = "client")]
pub mod client;
pub mod model;
#[cfg(feature = "server")]
mod pipeline;
#[cfg(feature = "server")]
mod request;
#[cfg(feature = "server")]
pub mod server;
