//! Promises about content: each reader is shown the one text that the provider sent and the store holds.

pub(in crate::judge) mod final_text_exactly_once;
mod finished_before;
pub(in crate::judge) mod late_attach_equivalence;
pub(in crate::judge) mod live_durable_agreement;
pub(in crate::judge) mod no_phantom;
pub(in crate::judge) mod size_independence;
pub(in crate::judge) mod watchers_agree;
