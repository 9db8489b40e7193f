//! Wording: what was recorded, as lines of a report. Pure.

pub(in crate::run) mod attempts;
pub(in crate::run) mod bounds;
pub(in crate::run) mod frames;
pub(in crate::run) mod ids;
pub(in crate::run) mod open;
pub(in crate::run) mod pointers;
pub(in crate::run) mod proposals;
pub(in crate::run) mod screen;
pub(in crate::run) mod stored_text;
pub(in crate::run) mod stores;
pub(in crate::run) mod stream_keys;
pub(in crate::run) mod table;
