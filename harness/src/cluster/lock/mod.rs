//! Who owns what on this machine: the cache folder, and the locks of live runs.

pub(super) mod cache;
pub(super) mod run_lock;
