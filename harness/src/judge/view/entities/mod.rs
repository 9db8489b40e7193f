//! Entities that promises talk about: watchers, logs, feedback and what was observed of pods.

pub(super) mod feedback;
pub(super) mod log;
pub(super) mod observations;
pub(super) mod watcher;
