//! Ownership on this machine: the cache folder, the locks of live runs, and the locks of clusters in use.

pub(super) mod cache;
pub(super) mod check_out;
pub(super) mod folder;
pub(super) mod life;
pub(super) mod run_lock;
pub(super) mod written;
