//! Redis: one connection, and the few commands that faults need.

pub mod store;
