//! PostgreSQL: owners, every committed change, rows as text, and sessions.

pub mod changes;
pub mod connect;
mod decoding;
pub mod dump;
mod newest;
pub mod owners;
mod piece;
mod rows;
pub mod sessions;
pub mod set_aside;
