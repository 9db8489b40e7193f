//! The Docker driver: a cluster of containers, made by Compose and reached through the engine.
//!
//! No other folder names containers or Compose.

pub(super) mod cluster;
pub(super) mod compose;
pub(super) mod doctor;
pub(super) mod edge;
pub(super) mod engine;
mod frame;
pub(super) mod handle;
pub(super) mod heal;
pub(super) mod images;
mod kept;
pub(super) mod preview;
pub(in crate::cluster) mod topology;
mod trial;
mod up;
