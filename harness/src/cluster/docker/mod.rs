//! The Docker driver: the one place that knows of containers and of Compose.

pub(super) mod compose;
pub(super) mod engine;
pub(super) mod handle;
pub(super) mod images;
