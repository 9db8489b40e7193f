//! The edge as a story uses it: clients that come through it, waits for what it knows, and what is done to it.

pub(in crate::run) mod clients;
pub(in crate::run) mod cookie;
pub(in crate::run) mod kept_open;
pub(in crate::run) mod load;
pub(in crate::run) mod pool;
pub(in crate::run) mod rollout;
