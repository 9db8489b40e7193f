//! Wording: what was recorded, as lines of a report. Pure.

pub(in crate::run) mod attempts;
pub(in crate::run) mod bounds;
pub(in crate::run) mod frames;
pub(in crate::run) mod pointers;
pub(in crate::run) mod proposals;
pub(in crate::run) mod screen;
pub(in crate::run) mod stores;
pub(in crate::run) mod table;
