//! Faults of the database that are injected through its own protocol.

mod backends_terminated;
mod connections_exhausted;
mod empty;
mod read_only;
