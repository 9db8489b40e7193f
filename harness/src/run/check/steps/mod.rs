//! The steps of a check. Each tries one thing and says what it saw; none ends the check.

pub(in crate::run) mod attempts;
pub(in crate::run) mod busy;
pub(in crate::run) mod conversation;
pub(in crate::run) mod death;
pub(in crate::run) mod learn;
pub(in crate::run) mod read;
pub(in crate::run) mod start;
pub(in crate::run) mod stop;
pub(in crate::run) mod tails;
pub(in crate::run) mod talk;
