//! Promise 28: a pod that cannot serve says so.
//!
//! Two things prove the opposite. A pod says that it is ready, then fails a client's work, then says again that
//! it is ready, and nothing was broken or healed from the first poll to the last. Or it says that it is ready
//! while a dependency is proven to be gone or to take no work: later than a lease after the proof, and before the
//! healing begins. A pod that is paused or told to stop is not judged.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Bound, Capability};
use crate::judge::view::{At, Breach, Poll, Trial, View, oneline};
use crate::judge::{Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 28,
    name: "ReadinessTellsTheTruth",
    statement: "a pod that says that it is ready serves a client's work; and while a dependency is gone or takes no work, from \
                a lease after its loss on, no pod says that it is ready",
    needs: &[Need::Can(Capability::Ready), Need::Within(Bound::Lease)],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut reported = BTreeSet::new();
    let mut breaches = in_vain(view);
    breaches.extend(view.polls.iter().filter_map(|poll| without_dependency(view, poll)));
    breaches.sort_by_key(|breach| breach.n);
    breaches.retain(|breach| reported.insert(breach.subject.clone()));
    breaches
}

fn without_dependency(view: &View<'_>, poll: &Poll<'_>) -> Option<Breach> {
    let lease_us = view.bounds.lease_ms * 1000;
    let is_gone = |from: At, until: Option<At>| {
        poll.at.us > from.us + lease_us && until.is_none_or(|until| poll.at.us < until.us)
    };
    let is_needed = |part: &str| {
        let needs = view.rules.ready_needs.as_ref();
        needs.is_none_or(|needs| needs.iter().any(|need| need == part))
    };
    let mut faults = view
        .dependency_faults_during(poll.at.us, poll.at.us)
        .filter(|fault| is_needed(fault.target));
    let fault = faults.find(|fault| {
        // If the history does not say when the healing began, the dependency may have been back long
        // before it was seen healed.
        let is_known = fault.healing.is_some() || fault.healed.is_none();
        is_known && fault.refuses_work() && fault.observed.is_some_and(|observed| is_gone(observed, fault.healing))
    })?;
    let is_own = view
        .faults
        .during(poll.at.us, poll.at.us)
        .any(|own| own.target == poll.pod.as_str() && !own.excuses_nothing());
    (poll.ready && !is_own).then(|| Breach {
        subject: poll.pod.to_string(),
        thread: None,
        n: poll.at.n,
        expected: format!("a pod that says that it is not ready, under {}", fault.label()),
        got: "it says that it is ready".into(),
    })
}

/// Pods that say that they are ready before and after they are not.
fn in_vain(view: &View<'_>) -> Vec<Breach> {
    let mut polls: BTreeMap<&str, Vec<&Poll<'_>>> = BTreeMap::new();
    for poll in &view.polls {
        polls.entry(poll.pod.as_str()).or_default().push(poll);
    }
    let failed = view.trials.iter().filter(|trial| !trial.ok);
    failed
        .filter_map(|trial| {
            let polls = polls.get(trial.pod.as_str())?;
            let after = polls.partition_point(|poll| poll.at.n < trial.at.n);
            let (before, after) = (polls.get(after.checked_sub(1)?)?, polls.get(after)?);
            (before.ready && after.ready)
                .then(|| lied(view, before, trial, after))
                .flatten()
        })
        .collect()
}

fn lied(view: &View<'_>, before: &Poll<'_>, trial: &Trial<'_>, after: &Poll<'_>) -> Option<Breach> {
    let lease_us = view.bounds.lease_ms * 1000;
    let from_us = before.at.us.saturating_sub(lease_us);
    let changes = |at: At| from_us <= at.us && at.us <= after.at.us;
    let pod = trial.pod.as_str();
    let is_unclear = view.faults.during(from_us, after.at.us).any(|fault| {
        let concerns = fault.target == pod || fault.excuses_everyone();
        let moments = [Some(fault.aimed), fault.observed, fault.healing, fault.healed];
        let is_own = fault.target == pod && fault.touches(before.at.us, after.at.us);
        concerns && (is_own || moments.into_iter().flatten().any(changes))
    });
    (!is_unclear).then(|| Breach {
        subject: pod.to_owned(),
        thread: None,
        n: trial.at.n,
        expected: format!(
            "what a pod that says that it is ready can do, as it did at events {} and {}",
            before.at.n, after.at.n
        ),
        got: oneline(trial.detail),
    })
}

#[cfg(test)]
mod tests {
    use crate::history::FaultStep;
    use crate::judge::testing::{Play, aimed, fault, observed, polled, served, takeover};

    const NAME: &str = "ReadinessTellsTheTruth";

    /// The good run, after which NATS is away from 4 s on, and comes back at 9 s.
    fn without_nats() -> Play {
        let mut play = takeover();
        play.put(4_000, fault(2, "kill", "nats", aimed()))
            .put(4_001, fault(2, "kill", "nats", observed()))
            .put(9_000, fault(2, "kill", "nats", FaultStep::Healing))
            .put(9_500, fault(2, "kill", "nats", FaultStep::Healed));
        play
    }

    #[test]
    fn a_pod_that_says_so_is_accepted() {
        takeover().keeps(NAME);
        let mut play = without_nats();
        play.put(4_500, polled("pod-1", true))
            .put(6_000, polled("pod-1", false))
            .put(9_100, polled("pod-1", true));
        play.keeps(NAME);
    }

    #[test]
    fn a_pod_that_says_it_is_ready_without_its_dependency_is_found_once() {
        let mut play = without_nats();
        play.put(6_000, polled("pod-1", true)).put(7_000, polled("pod-1", true));
        let findings = play.findings(NAME);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].expected.ends_with("under kill on nats (fault 2)"));
    }

    #[test]
    fn a_pod_that_says_it_is_ready_and_fails_is_found() {
        let mut play = takeover();
        play.put(4_000, polled("pod-1", true))
            .put(4_100, served("pod-1", false))
            .put(4_200, polled("pod-1", true));
        assert_eq!(play.breaks(NAME).subject, "pod-1");
    }

    #[test]
    fn a_failure_beside_a_change_or_a_word_of_not_being_ready_is_not_judged() {
        let mut play = takeover();
        play.put(4_000, polled("pod-1", true))
            .put(4_100, served("pod-1", false))
            .put(4_200, polled("pod-1", false));
        play.keeps(NAME);
        let mut play = without_nats();
        play.put(3_990, polled("pod-1", true))
            .put(4_100, served("pod-1", false))
            .put(4_200, polled("pod-1", true));
        play.keeps(NAME);
        let mut play = takeover();
        play.put(3_000, fault(2, "pause", "pod-1", aimed()))
            .put(4_000, polled("pod-1", true))
            .put(4_100, served("pod-1", false))
            .put(4_200, polled("pod-1", true));
        play.keeps(NAME);
    }

    #[test]
    fn a_dependency_that_is_empty_serves_and_so_does_a_pod_on_it() {
        let mut play = takeover();
        play.put(4_000, fault(2, "empty", "postgres", aimed()))
            .put(4_001, fault(2, "empty", "postgres", observed()))
            .put(6_000, polled("pod-1", true))
            .put(9_000, fault(2, "empty", "postgres", FaultStep::Healing))
            .put(9_500, fault(2, "empty", "postgres", FaultStep::Healed));
        play.keeps(NAME);
    }

    /// The good run, after which a dependency runs on and has something the matter with it from 4 s to 9 s.
    fn with_fault(name: &str, target: &str) -> Play {
        let mut play = takeover();
        play.put(4_000, fault(2, name, target, aimed()))
            .put(4_001, fault(2, name, target, observed()))
            .put(9_000, fault(2, name, target, FaultStep::Healing))
            .put(9_500, fault(2, name, target, FaultStep::Healed));
        play
    }

    #[test]
    fn a_dependency_that_runs_and_takes_no_work_is_as_good_as_gone() {
        for (name, target) in [
            ("connections-exhausted", "postgres"),
            ("read-only", "postgres"),
            ("storage-wiped", "nats"),
            ("disk-full", "nats"),
        ] {
            let mut play = with_fault(name, target);
            play.put(6_000, polled("pod-1", false))
                .put(9_100, polled("pod-1", true));
            play.keeps(NAME);
            play.put(6_100, polled("pod-1", true));
            assert!(play.breaks(NAME).expected.contains(name));
        }
        for (name, target) in [("backends-terminated", "postgres"), ("stream-deleted", "nats")] {
            let mut play = with_fault(name, target);
            play.put(6_000, polled("pod-1", true)).keeps(NAME);
        }
    }

    #[test]
    fn an_outage_whose_healing_is_not_told_is_not_judged_once_it_is_healed() {
        let mut play = without_nats();
        play.without(|what| *what == fault(2, "kill", "nats", FaultStep::Healing));
        play.put(8_900, polled("pod-1", true));
        play.keeps(NAME);
        play.without(|what| *what == fault(2, "kill", "nats", FaultStep::Healed));
        play.breaks(NAME);
    }
}
