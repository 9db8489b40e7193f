//! Entities that promises talk about: watchers, logs, feedback and what was observed of pods.

pub(super) mod call;
pub(super) mod feedback;
pub(super) mod log;
pub(super) mod mixed_text;
pub(super) mod observations;
pub(super) mod thread;
pub(super) mod turn;
pub(super) mod watcher;
