//! Faults of the broker that are injected through its own protocol.

pub(super) mod stream_deleted;
