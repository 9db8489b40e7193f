//! How the view is filled from the events of a history.
//!
//! Every source's events are matched one by one, so that a new kind of event does not compile until it is decided here how the judge
//! takes it.

#![deny(clippy::wildcard_enum_match_arm)]

pub(super) mod attempts;
pub(super) mod claims;
pub(super) mod clients;
pub(super) mod collector;
pub(super) mod contradictions;
pub(super) mod events;
pub(super) mod logs;
pub(super) mod mixed_texts;
pub(super) mod pods;
pub(super) mod stores;
pub(super) mod watchers;
