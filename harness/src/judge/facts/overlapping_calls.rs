//! Provider calls that were live at the same time for one turn, not counting time in which a pod cannot act.
//!
//! Two owners overlap in a correct system too. A survivor may take over once the owner's lease has run out; an
//! owner that can still act finds itself superseded at its next heartbeat or write, within its lease, and drops
//! its call. So two calls may be live together for one lease. An owner that is paused, or dead with its sockets
//! not yet reaped, cannot drop anything. Time does not count while a fault is in force on a call's pod, and for
//! one lease after its heal, in which a woken owner finds out. Any overlap beyond one lease means that two owners
//! both go on.

use std::collections::BTreeMap;

use crate::history::TurnKey;
use crate::judge::view::{Call, FaultSpan, View, uncovered_us};

/// Two calls for one key that were live together for longer than the lease.
pub(crate) struct Overlap<'v, 'a> {
    pub(crate) earlier: &'v Call<'a>,
    pub(crate) later: &'v Call<'a>,
    /// Event at which the later one began.
    pub(crate) n: u64,
    /// How long they were live together, in milliseconds, not counting time in which a pod could not act.
    pub(crate) together_ms: u64,
}

/// All calls by key, in the order of their start.
pub(crate) fn by_key<'v, 'a>(view: &'v View<'a>) -> BTreeMap<&'a TurnKey, Vec<&'v Call<'a>>> {
    let mut keys: BTreeMap<&TurnKey, Vec<&Call<'_>>> = BTreeMap::new();
    for call in view.calls.iter().filter(|call| call.started.is_some()) {
        keys.entry(call.key).or_default().push(call);
    }
    for calls in keys.values_mut() {
        calls.sort_by_key(|call| call.started);
    }
    keys
}

/// The first overlap of each key.
pub(crate) fn overlaps<'v, 'a>(view: &'v View<'a>) -> Vec<Overlap<'v, 'a>> {
    by_key(view)
        .into_values()
        .filter_map(|calls| first_overlap(view, &calls))
        .collect()
}

fn first_overlap<'v, 'a>(view: &'v View<'a>, calls: &[&'v Call<'a>]) -> Option<Overlap<'v, 'a>> {
    let mut live: Vec<&'v Call<'a>> = Vec::new();
    for later in calls {
        let started = later.started?;
        live.retain(|call| call.ended.is_none_or(|ended| ended.us > started.us));
        for earlier in &live {
            let together_us = together_us(view, earlier, later);
            if together_us > view.bounds.lease_ms * 1000 {
                return Some(Overlap {
                    earlier,
                    later,
                    n: started.n,
                    together_ms: together_us / 1000,
                });
            }
        }
        live.push(later);
    }
    None
}

fn together_us(view: &View<'_>, earlier: &Call<'_>, later: &Call<'_>) -> u64 {
    let end = |call: &Call<'_>| call.ended.map_or(view.watched_until_us(), |at| at.us);
    let lease_us = view.bounds.lease_ms * 1000;
    let concerned = |fault: &FaultSpan<'_>| {
        // A call that does not say whose it is may be anybody's.
        [earlier, later].iter().any(|call| match call.pod {
            Some(pod) => fault.excuses(pod.as_str()),
            None => !fault.excuses_nothing(),
        })
    };
    let (from_us, until_us) = (later.started.map_or(0, |at| at.us), end(earlier).min(end(later)));
    let spared = view
        .faults
        .during(from_us.saturating_sub(lease_us), until_us)
        .filter(|fault| concerned(fault))
        .map(|fault| {
            (
                fault.aimed.us,
                fault
                    .healed
                    .map_or(u64::MAX, |healed| healed.us.saturating_add(lease_us)),
            )
        })
        .collect();
    uncovered_us(from_us, until_us, spared)
}
