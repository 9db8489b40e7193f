//! How the view is filled from the events of a history.

pub(super) mod attempts;
pub(super) mod collector;
pub(super) mod events;
pub(super) mod logs;
pub(super) mod mixed_texts;
pub(super) mod stores;
