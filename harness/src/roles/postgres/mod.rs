//! PostgreSQL: owners, every committed change, rows as text, and sessions.

pub mod changes;
pub mod connect;
mod decoding;
pub mod dump;
pub mod owners;
mod rows;
pub mod sessions;
pub mod set_aside;
