//! Promises about routing and control: affinity, failover, warm sessions, drains, cancels, disconnects, the provider's context and feedback.

pub(in crate::judge) mod affinity_stickiness;
pub(in crate::judge) mod bounded_attempts;
pub(in crate::judge) mod bounded_provider_work;
pub(in crate::judge) mod cancel_anywhere;
pub(in crate::judge) mod context_continuity;
pub(in crate::judge) mod disconnect_independence;
mod drain_at_the_edge;
pub(in crate::judge) mod drain_completeness;
mod drain_of_streams;
pub(in crate::judge) mod failover_repin;
mod needless_handover;
pub(in crate::judge) mod sessions_stay_warm;
pub(in crate::judge) mod spool_exactly_once;
pub(in crate::judge) mod stop_outlives_owner;
