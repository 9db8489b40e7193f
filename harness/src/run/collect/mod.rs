//! Feeds that write into the history while a play is on.

pub(in crate::run) mod cpu;
