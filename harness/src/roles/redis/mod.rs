//! Redis: one connection, the few commands that faults need, and the lists and streams that hold the system's log.

mod dump;
pub mod feed;
mod followed;
mod logs;
mod place;
pub mod store;

#[cfg(test)]
mod fake;
