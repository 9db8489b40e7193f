//! Faults of a Redis store that are injected through its own protocol.

pub(super) mod flushed;
