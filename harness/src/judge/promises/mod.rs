//! The promises, one a file, in the groups in which the list of invariants has them.
//!
//! Each file holds one `PROMISE` and the function that judges it; `registry.rs` lists them all. A promise may build on another one,
//! and never on the registry or the policy.

pub(in crate::judge) mod acceptance;
pub(in crate::judge) mod content;
pub(in crate::judge) mod control;
pub(in crate::judge) mod isolation;
pub(in crate::judge) mod liveness;
pub(in crate::judge) mod order;
