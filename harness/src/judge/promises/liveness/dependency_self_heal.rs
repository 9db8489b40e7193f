//! Promise 26: when a dependency comes back, the pods recover by themselves.
//!
//! Once the bound after the heal has passed, these count: a pod that says that it is not ready, that fails a
//! client's work, that answers a post, an attach or a reading with a server error, or that takes no notice of a
//! death; and a log that has lost what it held, unless a fault took it from the broker. At any time a pod counts
//! that died although nobody told it to. A pod that was broken itself does not.

use std::collections::{BTreeSet, HashMap};

use crate::history::{Bound, Capability, Chunk, Credential, Outcome};
use crate::judge::promises::liveness::bounded_takeover;
use crate::judge::view::{At, Breach, Death, ROW_LATENESS_US, View, Watcher, oneline};
use crate::judge::{Clause, Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 26,
    name: "DependencySelfHeal",
    statement: "within the takeover's bound after a dependency was restarted or cut off every pod serves again \
                without a restart, notices the next death, and the log still holds what it held, unless a fault \
                took it from the broker; no pod ends unless it is told to",
    needs: &[Need::Within(Bound::Takeover)],
    clauses: &[
        Clause {
            name: "the log holds what it held",
            needs: &[
                Need::Can(Capability::Cursor),
                Need::Can(Capability::Resync),
                Need::Can(Capability::Epoch),
            ],
        },
        Clause {
            name: "pods say that they are ready again",
            needs: &[Need::Can(Capability::Ready)],
        },
        Clause {
            name: "the next death is noticed",
            needs: &[Need::Can(Capability::Owner)],
        },
    ],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut breaches = deaths(view, None);
    let mut reported = BTreeSet::new();
    let broken = view
        .faults
        .iter()
        .filter(|fault| fault.excuses_everyone() || fault.is_of_link());
    let healed_us = broken.filter_map(|fault| fault.healed).map(|at| at.us).min();
    let mut complaints = complaints(view);
    complaints.sort_by_key(|complaint| complaint.at.n);
    breaches.extend(
        complaints
            .into_iter()
            .filter(|complaint| healed_us.is_some_and(|healed_us| healed_us < complaint.at.us))
            .filter(|complaint| is_held_against(view, complaint))
            .filter(|complaint| reported.insert(complaint.pod.to_owned()))
            .map(|complaint| Breach {
                subject: complaint.pod.to_owned(),
                thread: complaint.thread,
                n: complaint.at.n,
                expected: format!(
                    "a pod that serves again, {} ms after its dependencies did",
                    view.bounds.takeover_ms
                ),
                got: complaint.got,
            }),
    );
    breaches.extend(unnoticed_deaths(view));
    breaches.extend(view.watchers.iter().filter_map(|watcher| lost_log(view, watcher)));
    breaches
}

/// Pods that ended without having been told to, each once; `after` leaves out those before it.
pub(in crate::judge) fn deaths(view: &View<'_>, after: Option<At>) -> Vec<Breach> {
    let over = view.ending.quiesced.map_or(u64::MAX, |at| at.n);
    let mut ends: HashMap<&str, Vec<u64>> = HashMap::new();
    for fault in view.faults.iter().filter(|fault| fault.ends_its_target()) {
        ends.entry(fault.target).or_default().push(fault.aimed.n);
    }
    let mut died: HashMap<&str, usize> = HashMap::new();
    let mut reported = BTreeSet::new();
    let mut breaches = Vec::new();
    for death in view.deaths.iter().take_while(|death| death.at.n < over) {
        let died = died.entry(death.service).or_default();
        *died += 1;
        // Each fault that ends a process explains one death.
        let ends = ends.get(death.service).map_or(&[][..], Vec::as_slice);
        let is_explained = *died <= ends.partition_point(|aimed| *aimed <= death.at.n);
        let is_restarted = is_started_again(view, death);
        let is_meant =
            view.pods.contains(death.service) && !is_restarted && after.is_none_or(|after| death.at.n > after.n);
        if is_meant && !is_explained && reported.insert(death.service) {
            breaches.push(Breach {
                subject: death.service.to_owned(),
                thread: None,
                n: death.at.n,
                expected: "a pod that goes on until it is told to stop".into(),
                got: match death.exit_code {
                    Some(code) => format!("it ended with code {code}"),
                    None => "it ended".into(),
                },
            });
        }
    }
    breaches
}

/// True if a pod ended while a dependency was broken, and whoever runs the system would start it again: such a pod may end.
fn is_started_again(view: &View<'_>, death: &Death<'_>) -> bool {
    let is_its = view.rules.restarted.iter().any(|pod| pod.as_str() == death.service);
    let aftermath_us = (view.bounds.lease_ms + view.bounds.takeover_ms) * 1000;
    let from_us = death.at.us.saturating_sub(aftermath_us);
    is_its && view.dependency_faults_during(from_us, death.at.us).next().is_some()
}

/// Something that a pod that serves would not do.
struct Complaint<'a> {
    at: At,
    pod: &'a str,
    thread: Option<usize>,
    got: String,
}

fn complaints<'a>(view: &View<'a>) -> Vec<Complaint<'a>> {
    // Where nothing says that a pod can serve, no answer says that it cannot.
    let polls = view
        .polls
        .iter()
        .filter(|poll| !poll.ready && view.can(Capability::Ready));
    let polls = polls.map(|poll| Complaint {
        at: poll.at,
        pod: poll.pod.as_str(),
        thread: None,
        got: format!("it says that it is not ready: {}", oneline(poll.detail)),
    });
    let trials = view.trials.iter().filter(|trial| !trial.ok).map(|trial| Complaint {
        at: trial.at,
        pod: trial.pod.as_str(),
        thread: None,
        got: oneline(trial.detail),
    });
    let attaches = view
        .refused
        .iter()
        .filter(|refused| refused.status.is_some_and(|status| status >= 500));
    let attaches = attaches.map(|refused| Complaint {
        at: refused.at,
        pod: refused.pod.as_str(),
        thread: Some(refused.thread),
        got: format!(
            "it refused the attach of {}: {}",
            refused.watcher,
            oneline(refused.reason)
        ),
    });
    let posts = view.posts.iter().filter_map(|post| match post.ended? {
        (
            at,
            Outcome::Failed {
                status: status @ 500..,
                reason,
            },
        ) => Some(Complaint {
            at,
            pod: post.pod.as_str(),
            thread: Some(post.thread),
            got: format!("it refused a post with {status}: {}", oneline(reason)),
        }),
        _ => None,
    });
    let accesses = view
        .accesses
        .iter()
        .filter(|access| access.credential == Credential::Owner);
    let accesses = accesses.filter_map(|access| {
        let status = access.status.filter(|status| *status >= 500)?;
        Some(Complaint {
            at: access.at,
            pod: access.pod.as_str(),
            thread: Some(access.thread),
            got: format!("it answered {} with {status}: {}", access.route, oneline(access.body)),
        })
    });
    polls
        .chain(trials)
        .chain(attaches)
        .chain(posts)
        .chain(accesses)
        .collect()
}

/// True if nothing was broken that excuses the pod at that time.
fn is_held_against(view: &View<'_>, complaint: &Complaint<'_>) -> bool {
    let aftermath_us = view.bounds.takeover_ms * 1000;
    let from_us = complaint.at.us.saturating_sub(aftermath_us);
    !view.is_excused(Some(complaint.pod), from_us, complaint.at.us)
}

/// Deaths after a dependency was healed, of which nobody took notice.
fn unnoticed_deaths<'v>(view: &'v View<'_>) -> impl Iterator<Item = Breach> + 'v {
    let healed = view.dependency_faults().filter_map(|fault| fault.healed);
    let first_healed = healed.map(|at| at.n).min().filter(|_| view.can(Capability::Owner));
    first_healed.into_iter().flat_map(move |healed| {
        bounded_takeover::hits(view)
            .into_iter()
            .filter(move |hit| view.pods.contains(hit.fault.target) && healed < hit.fault.aimed.n)
            .filter_map(|hit| bounded_takeover::check(view, &hit))
    })
}

/// A tail that opened after a heal with a cursor from before the fault, and got a resync as if the log lacked it.
fn lost_log(view: &View<'_>, watcher: &Watcher<'_>) -> Option<Breach> {
    let (cursor, given) = watcher.resumes?;
    let resync = opening_resync(watcher)?;
    let mut faults = view.dependency_faults_during(given.us, watcher.opened.us);
    let fault = faults
        .find(|fault| given.us < fault.aimed.us && fault.healed.is_some_and(|healed| healed.us < watcher.opened.us))?;
    let owners = &view.threads[watcher.thread].owners;
    let is_superseded = owners
        .iter()
        .any(|owned| Some(owned.epoch) > cursor.epoch && owned.at.us <= resync.us + ROW_LATENESS_US);
    // No pod can restore a log that a fault took from the broker: it makes a new one, and a resync is the
    // right answer. Acknowledged messages are still owed from the database, and other promises judge that.
    let mut meanwhile = view.dependency_faults_during(given.us, resync.us);
    if meanwhile.any(crate::judge::view::FaultSpan::loses_the_log) {
        return None;
    }
    if is_superseded || !view.can(Capability::Epoch) || !view.can(Capability::Resync) {
        return None;
    }
    Some(Breach {
        subject: watcher.label(),
        thread: Some(watcher.thread),
        n: resync.n,
        expected: format!(
            "the log as it was before the {}, with {}",
            fault.label(),
            crate::judge::view::tell(cursor)
        ),
        got: "a resync".into(),
    })
}

/// The resync that a tail's answer begins with, if it does.
fn opening_resync(watcher: &Watcher<'_>) -> Option<At> {
    let is_resync = |chunk: &Chunk| matches!(chunk, Chunk::Resync { .. });
    let mut frames = watcher.frames();
    let first = frames.find(|frame| is_resync(frame.chunk) || frame.is_content())?;
    is_resync(first.chunk).then_some(first.at)
}

#[cfg(test)]
mod tests {
    use crate::history::{Credential, FaultStep, Status, TailEnd, What};
    use crate::judge::testing::{
        Play, access, aimed, closed, delta, died, fault, finish, observed, opened, polled, resync, served, start,
        state, takeover, thread_row, token, turn_row,
    };

    const NAME: &str = "DependencySelfHeal";

    /// The good run, after which NATS is restarted.
    fn restarted() -> Play {
        let mut play = takeover();
        play.put(4_000, fault(2, "kill", "nats", aimed()))
            .put(4_001, fault(2, "kill", "nats", observed()))
            .put(4_500, fault(2, "kill", "nats", FaultStep::Healed));
        play
    }

    #[test]
    fn pods_that_serve_again_are_accepted() {
        takeover().keeps(NAME);
        let mut play = restarted();
        play.put(5_000, polled("pod-1", false))
            .put(5_000, served("pod-1", false))
            .put(7_000, polled("pod-1", true))
            .put(7_000, served("pod-1", true));
        play.passes();
    }

    #[test]
    fn a_pod_that_does_not_serve_again_is_found_once() {
        for complaint in [
            polled("pod-1", false),
            served("pod-1", false),
            access("pod-1", Credential::Owner, Some(503), "no stream"),
        ] {
            let mut play = restarted();
            play.put(7_000, complaint.clone()).put(7_500, complaint);
            let findings = play.findings(NAME);
            assert_eq!(findings.len(), 1, "{findings:#?}");
            assert_eq!(findings[0].subject, "pod-1");
        }
    }

    #[test]
    fn a_pod_that_is_broken_itself_or_that_no_dependency_failed_is_not_judged() {
        let mut play = restarted();
        play.put(6_000, fault(3, "terminate", "pod-1", aimed()))
            .put(7_000, polled("pod-1", false));
        play.keeps(NAME);
        let mut play = takeover();
        play.put(7_000, polled("pod-1", false));
        play.keeps(NAME);
    }

    #[test]
    fn a_pod_that_ends_by_itself_is_found_and_one_that_was_told_to_is_not() {
        let mut play = takeover();
        play.put(42, died("pod-1", 137));
        play.keeps(NAME);
        play.put(1_250, died("pod-1", 101));
        let finding = play.breaks(NAME);
        assert_eq!(
            (finding.subject.as_str(), finding.got.as_str()),
            ("pod-1", "it ended with code 101")
        );
    }

    #[test]
    fn a_death_after_a_heal_that_nobody_notices_is_found() {
        let mut play = restarted();
        play.put(8_000, turn_row(200, "turn-2", 3, Status::InProgress))
            .put(8_000, thread_row(200, Some("pod-2"), 3, Status::InProgress));
        play.put(8_100, fault(3, "kill", "pod-2", aimed()))
            .put(8_101, fault(3, "kill", "pod-2", observed()));
        assert!(play.breaks(NAME).got.starts_with("no newer epoch in "));
        play.put(9_000, turn_row(201, "turn-2", 4, Status::Failed));
        play.keeps(NAME);
    }

    #[test]
    fn a_log_that_lost_what_it_held_is_found() {
        let mut play = takeover();
        play.put(1_207, fault(2, "kill", "nats", aimed()))
            .put(1_208, fault(2, "kill", "nats", FaultStep::Healed));
        play.put(1_209, opened(6, "pod-2", Some("2-3")))
            .put(1_209, state(6, Status::InProgress, Some("turn-1")));
        let held = play.clone();
        play.put(1_210, resync(6)).put(1_210, start(6, 2, false));
        for k in 1..=6 {
            play.put(1_210, delta(6, 2, k, token(2, k as u32)));
        }
        play.put(1_231, finish(6, 2, 7, Status::Completed))
            .put(14_900, closed(6, TailEnd::Left));
        assert_eq!(play.breaks(NAME).subject, "w6 on pod-2");
        // The broker was robbed of it, between the cursor and the resync or only before the cursor was given.
        for (ms, is_excuse) in [(1_207, true), (100, false)] {
            for fault_name in ["storage-wiped", "stream-deleted"] {
                let mut robbed = play.clone();
                robbed
                    .put(ms, fault(3, fault_name, "nats", aimed()))
                    .put(ms + 1, fault(3, fault_name, "nats", FaultStep::Healed));
                if is_excuse {
                    robbed.keeps(NAME);
                } else {
                    robbed.breaks(NAME);
                }
            }
        }

        let mut play = held;
        for k in 4..=6 {
            play.put(1_210, delta(6, 2, k, token(2, k as u32)));
        }
        play.put(1_231, finish(6, 2, 7, Status::Completed));
        play.keeps(NAME);
        assert!(play.history().events.iter().any(|e| matches!(e.what, What::Fault(_))));
    }
}
