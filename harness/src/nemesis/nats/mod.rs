//! Faults of the broker that are injected through its own protocol.

mod stream_deleted;
