//! Promises about control: drains, cancels, disconnects, the provider's context and feedback.

pub(in crate::judge) mod bounded_provider_work;
pub(in crate::judge) mod cancel_anywhere;
pub(in crate::judge) mod context_continuity;
pub(in crate::judge) mod disconnect_independence;
pub(in crate::judge) mod drain_completeness;
pub(in crate::judge) mod spool_exactly_once;
