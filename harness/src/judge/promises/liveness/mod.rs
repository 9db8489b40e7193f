//! Promises about liveness: each turn ends in time, and faults do not outlive their healing.

pub(in crate::judge) mod bounded_takeover;
pub(in crate::judge) mod dependency_self_heal;
pub(in crate::judge) mod durable_before_terminal;
pub(in crate::judge) mod no_blank_terminal;
pub(in crate::judge) mod partition_takeover;
pub(in crate::judge) mod poison_containment;
pub(in crate::judge) mod readiness_tells_the_truth;
pub(in crate::judge) mod terminal_exactly_one;
pub(in crate::judge) mod terminal_reaches_client;
pub(in crate::judge) mod thread_usable_after_crash;
