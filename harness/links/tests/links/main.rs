//! The proxy over real sockets, driven by its own client. Nothing here starts a process: until a child is loaded it holds
//! every socket of its parent, and a port that a proxy gives up would stay taken for as long.

mod api;
#[path = "../common/mod.rs"]
mod common;
mod connections;
mod hold;
mod setup;
mod sharing;
mod stops;
mod streams;
