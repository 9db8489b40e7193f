//! Feeds that write into the history while a play is on.

pub(in crate::run) mod changes;
pub(in crate::run) mod cpu;
pub(in crate::run) mod engine;
mod load;
pub(in crate::run) mod stream_log;
mod waits;
