//! The registry: every promise, by number.

use super::Promise;
use super::promises::acceptance::{
    idempotent_submit, no_friendly_fire, no_lost_ack, progress_not_liveness, queue_order, reaper_soundness,
    single_active_turn, writer_fencing,
};
use super::promises::content::{
    final_text_exactly_once, late_attach_equivalence, live_durable_agreement, no_phantom, size_independence,
    watchers_agree,
};
use super::promises::control::{
    affinity_stickiness, bounded_attempts, bounded_provider_work, cancel_anywhere, context_continuity,
    disconnect_independence, drain_completeness, failover_repin, sessions_stay_warm, spool_exactly_once,
    stop_outlives_owner,
};
use super::promises::isolation::{bounded_idle_work, no_leak, quiet_logs, tenant_isolation};
use super::promises::liveness::{
    bounded_takeover, dependency_self_heal, durable_before_terminal, no_blank_terminal, partition_takeover,
    poison_containment, readiness_tells_the_truth, shown_in_time, terminal_exactly_one, terminal_reaches_client,
    thread_usable_after_crash,
};
use super::promises::order::{
    epoch_isolation, frames_whole, monotone_cursor, no_inversion_on_attach, no_splice, reattach_allowed,
    resume_gap_free, slice_of_the_log,
};

/// Every promise that is judged, by number.
pub const PROMISES: &[Promise] = &[
    final_text_exactly_once::PROMISE,
    watchers_agree::PROMISE,
    late_attach_equivalence::PROMISE,
    live_durable_agreement::PROMISE,
    no_phantom::PROMISE,
    size_independence::PROMISE,
    monotone_cursor::PROMISE,
    resume_gap_free::PROMISE,
    no_inversion_on_attach::PROMISE,
    epoch_isolation::PROMISE,
    frames_whole::PROMISE,
    no_splice::PROMISE,
    no_lost_ack::PROMISE,
    idempotent_submit::PROMISE,
    single_active_turn::PROMISE,
    writer_fencing::PROMISE,
    no_friendly_fire::PROMISE,
    reaper_soundness::PROMISE,
    progress_not_liveness::PROMISE,
    terminal_exactly_one::PROMISE,
    terminal_reaches_client::PROMISE,
    no_blank_terminal::PROMISE,
    durable_before_terminal::PROMISE,
    bounded_takeover::PROMISE,
    thread_usable_after_crash::PROMISE,
    dependency_self_heal::PROMISE,
    poison_containment::PROMISE,
    readiness_tells_the_truth::PROMISE,
    affinity_stickiness::PROMISE,
    failover_repin::PROMISE,
    drain_completeness::PROMISE,
    cancel_anywhere::PROMISE,
    disconnect_independence::PROMISE,
    bounded_provider_work::PROMISE,
    context_continuity::PROMISE,
    spool_exactly_once::PROMISE,
    tenant_isolation::PROMISE,
    no_leak::PROMISE,
    stop_outlives_owner::PROMISE,
    shown_in_time::PROMISE,
    queue_order::PROMISE,
    reattach_allowed::PROMISE,
    bounded_attempts::PROMISE,
    bounded_idle_work::PROMISE,
    partition_takeover::PROMISE,
    slice_of_the_log::PROMISE,
    quiet_logs::PROMISE,
    sessions_stay_warm::PROMISE,
];

#[cfg(test)]
mod tests {
    use super::PROMISES;

    #[test]
    fn promises_are_numbered_in_order_and_named_once() {
        assert!(PROMISES.is_sorted_by(|a, b| a.number < b.number));
        let names: std::collections::BTreeSet<&str> = PROMISES.iter().map(|promise| promise.name).collect();
        assert_eq!(names.len(), PROMISES.len());
    }
}
