//! Tests that start programs: the proxy's own, and a client that others wrote for Toxiproxy.

#[path = "../common/mod.rs"]
mod common;
mod process;
mod python;
