//! Faults of the database that are injected through its own protocol.

pub(super) mod backends_terminated;
pub(super) mod connections_exhausted;
pub(super) mod empty;
pub(super) mod read_only;
