//! The parts that the harness talks to itself, one folder for each kind: databases, brokers, stores and the mock provider.
//!
//! Each room gets addresses and never knows the cluster that a part runs in. The description of the system (`system`) names
//! tables, streams and subjects; the rooms know how to read them.

pub mod log;
pub mod nats;
pub mod owner_names;
pub mod postgres;
pub mod provider;
pub mod redis;
