//! Promises about acceptance and ownership: each accepted message is answered once, by one owner at a time.

pub(in crate::judge) mod idempotent_submit;
pub(in crate::judge) mod no_friendly_fire;
pub(in crate::judge) mod no_lost_ack;
pub(in crate::judge) mod progress_not_liveness;
pub(in crate::judge) mod queue_order;
pub(in crate::judge) mod reaper_soundness;
pub(in crate::judge) mod single_active_turn;
mod too_large;
pub(in crate::judge) mod writer_fencing;
