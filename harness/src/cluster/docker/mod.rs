//! The Docker driver: the one place that knows of containers and of Compose.

pub(super) mod compose;
pub(super) mod doctor;
pub(super) mod engine;
pub(super) mod handle;
pub(super) mod heal;
pub(super) mod images;
mod kept;
pub(super) mod preview;
pub(super) mod up;
