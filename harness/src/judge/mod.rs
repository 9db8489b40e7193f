//! The judges: each promise in a file of its own, named for it, and the verdict that they make together.
//!
//! The last step before a report, and a pure function of the saved history: no clock, socket, file or randomness, so
//! that a run can be judged again a year later by a mended judge. A promise that needs something the target cannot do is
//! named as not applicable. Deliberately absent: stories; every promise is judged on every run, whatever it was about.

mod oracle;
mod provider_calls;
mod registry;
mod takings;
mod view;

mod bounded_provider_work;
mod bounded_takeover;
mod cancel_anywhere;
mod context_continuity;
mod dependency_self_heal;
mod disconnect_independence;
mod drain_completeness;
mod durable_before_terminal;
mod epoch_isolation;
mod final_text_exactly_once;
mod frames_whole;
mod idempotent_submit;
mod late_attach_equivalence;
mod live_durable_agreement;
mod monotone_cursor;
mod no_blank_terminal;
mod no_friendly_fire;
mod no_inversion_on_attach;
mod no_leak;
mod no_lost_ack;
mod no_phantom;
mod no_splice;
mod poison_containment;
mod progress_not_liveness;
mod quiet_logs;
mod readiness_tells_the_truth;
mod reaper_soundness;
mod resume_gap_free;
mod single_active_turn;
mod size_independence;
mod slice_of_the_log;
mod spool_exactly_once;
mod tenant_isolation;
mod terminal_exactly_one;
mod terminal_reaches_client;
mod thread_usable_after_crash;
mod watchers_agree;
mod writer_fencing;

#[cfg(test)]
pub(crate) mod testing;

pub use registry::{PROMISES, judge};

use crate::history::Capability;
use view::{Breach, View};

/// One thing that a service promises its clients, and how a history is held against it.
#[derive(Debug)]
pub struct Promise {
    /// Its number in the list of promises.
    pub number: u32,
    /// Its name, as reports and the track record use it.
    pub name: &'static str,
    /// What it says, precisely.
    pub statement: &'static str,
    /// What a target must be able to do for it to be judged.
    pub needs: &'static [Capability],
    /// Tells every breach, the first one of each subject.
    judge: fn(&View<'_>) -> Vec<Breach>,
}
