//! The proxy over real sockets, driven by its own client and by a client that others wrote.

mod api;
mod connections;
mod process;
mod python;
mod setup;
mod stops;
mod streams;
