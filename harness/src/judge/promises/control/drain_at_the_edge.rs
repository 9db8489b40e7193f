//! The drain as clients see it through the edge, a part of promise 31.
//!
//! A pod that is told to stop refuses new turns at once, with 503 and `Retry-After`. That is a word to the edge: the edge tries
//! elsewhere, and the client sees none of it. So a 503 of the draining pod counts like any 5xx of the edge and like a connection that
//! breaks before the head of an answer. The same holds while other pods are given the clients: a promotion is atomic for them. Only
//! what also happened in disorder excuses an error: a dead or frozen pod within the edge's window, a broken dependency, or no healthy
//! pod at all.

use std::collections::BTreeSet;

use crate::judge::view::{Breach, FaultSpan, NOTICE_US, Request, View, is_by};

/// Errors that clients were shown, the first of each client; and for each pod that was told to stop the first answer that came too late.
pub(super) fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut reported = BTreeSet::new();
    let errors = view.requests().filter_map(|request| error(view, &request));
    let mut breaches: Vec<Breach> = errors
        .filter(|breach| reported.insert(breach.subject.clone()))
        .collect();
    if view.rules.edge.is_some() {
        let stops = view.faults.iter().filter(|fault| view.is_orderly(fault));
        breaches.extend(stops.filter_map(|fault| answered_late(view, fault)));
    }
    breaches
}

/// An error in an orderly change that nothing else explains. One that a pod says counts if that pod itself is told to stop.
fn error(view: &View<'_>, request: &Request<'_>) -> Option<Breach> {
    let (asked_us, until_us) = (request.routed.asked_us, request.at.us);
    if !request.failed() {
        return None;
    }
    let change = match &request.routed.pod {
        None => view.orderly_change(asked_us, until_us)?,
        Some(pod) => stop_of(view, pod.as_str(), request)?.label(),
    };
    (!view.is_explained(request)).then(|| Breach {
        subject: request.label(),
        thread: None,
        n: request.at.n,
        expected: format!("an answer of a healthy pod, whatever happens in {change}"),
        got: request.answer(),
    })
}

/// The fault that has told a pod to stop, until the edge must know that the pod is back. Returns `None` if anything else is the
/// matter with the pod.
fn stop_of<'v, 'a>(view: &'v View<'a>, pod: &str, request: &Request<'_>) -> Option<&'v FaultSpan<'a>> {
    let since_us = request.routed.asked_us.saturating_sub(view.health_us());
    let own = view
        .faults
        .during(since_us, request.at.us)
        .filter(|fault| fault.excuses(pod));
    let (stops, others): (Vec<_>, Vec<_>) = own.partition(|fault| view.is_orderly(fault));
    stops.first().copied().filter(|_| others.is_empty())
}

/// The first request that the edge sent to a pod though it had had its window to notice that the pod was told to stop.
fn answered_late(view: &View<'_>, fault: &FaultSpan<'_>) -> Option<Breach> {
    let (known_us, gone_us) = (view.noticed_us(fault)?, view.gone_us(fault));
    let mut requests = view.requests();
    let late = requests.find(|request| {
        let is_late = request.routed.asked_us > known_us && request.at.us < gone_us;
        is_late && is_by(request.routed, fault.target)
    })?;
    let is_meddled = view
        .faults
        .during(fault.aimed.us, late.at.us)
        .any(|other| other.excuses(fault.target) && other.id != fault.id);
    let window_ms = (view.health_us() + NOTICE_US) / 1000;
    (!is_meddled).then(|| Breach {
        subject: format!("{}, {}", fault.target, late.label()),
        thread: None,
        n: late.at.n,
        expected: format!(
            "no client on {} later than {window_ms} ms after it was told to stop",
            fault.target
        ),
        got: format!(
            "{}, asked {} ms after",
            late.answer(),
            late.routed.asked_us.saturating_sub(fault.aimed.us) / 1000
        ),
    })
}

#[cfg(test)]
mod tests {
    use crate::history::{Capability, FaultStep, Routed, What};
    use crate::judge::testing::edge::{answered, broken_off, cookie, edge_play, failed, pool};
    use crate::judge::testing::{Play, aimed, died, fault, observed, starved};
    use crate::verdict::Verdict;

    const NAME: &str = "DrainCompleteness";

    /// Pod-1 is told to stop at 4 s, goes at 7 s, and is back at 9 s.
    fn upgraded() -> Play {
        let mut play = edge_play();
        play.put(4_000, fault(2, "terminate", "pod-1", aimed()))
            .put(7_000, died("pod-1", 0))
            .put(7_000, fault(2, "terminate", "pod-1", observed()))
            .put(8_500, fault(2, "terminate", "pod-1", FaultStep::Healing))
            .put(9_000, fault(2, "terminate", "pod-1", FaultStep::Healed));
        play
    }

    fn refused(entry: &str, pod: &str) -> Routed {
        Routed {
            status: Some(503),
            ..answered(entry, pod)
        }
    }

    #[test]
    fn clients_that_notice_nothing_of_a_drain_are_accepted() {
        let mut play = upgraded();
        play.ask(4_100, answered("free", "pod-1"))
            .ask(5_400, answered("free", "pod-1"))
            .ask(5_600, answered("free", "pod-2"))
            .ask(9_600, answered("free", "pod-1"));
        play.passes();
    }

    #[test]
    fn an_error_that_a_client_is_shown_is_found_from_the_signal_to_the_return() {
        for bad in [failed("free", 502), broken_off("free"), refused("free", "pod-1")] {
            for (ms, is_kept) in [
                (3_900, true),
                (4_200, false),
                (5_600, false),
                (8_900, false),
                (9_900, false),
                (10_200, true),
            ] {
                let mut play = upgraded();
                play.ask(ms, bad.clone());
                assert_eq!(play.findings(NAME).is_empty(), is_kept, "{bad:?} at {ms} ms");
            }
        }
        let finding = upgraded().ask(4_200, refused("free", "pod-1")).breaks(NAME);
        assert_eq!(finding.subject, "client 1 at entry free");
        assert_eq!(finding.got, "503 by pod-1");
        assert!(
            finding.expected.ends_with("terminate on pod-1 (fault 2)"),
            "{finding:?}"
        );
        // One of another pod has another cause.
        upgraded().ask(4_200, refused("free", "pod-2")).keeps(NAME);
    }

    #[test]
    fn an_error_in_a_promotion_is_found() {
        for (ms, is_kept) in [(4_900, true), (5_100, false), (6_100, false), (7_100, true)] {
            let mut play = edge_play();
            play.put(6_000, pool(&["pod-2", "pod-3"])).ask(ms, failed("free", 503));
            assert_eq!(play.findings(NAME).is_empty(), is_kept, "{ms}");
        }
    }

    #[test]
    fn an_error_that_something_in_disorder_explains_is_not_judged() {
        let mut play = upgraded();
        play.put(4_100, fault(3, "kill", "pod-2", aimed()))
            .ask(4_200, failed("free", 502))
            .keeps(NAME);
        play.ask(6_000, failed("free", 502)).breaks(NAME);
        let mut play = upgraded();
        play.put(3_900, fault(3, "kill", "postgres", aimed()))
            .ask(4_200, failed("free", 502))
            .keeps(NAME);
        let mut play = upgraded();
        for (id, pod) in [(3, "pod-2"), (4, "pod-3")] {
            play.put(3_500, fault(id, "terminate", pod, aimed()));
            play.put(3_900, died(pod, 0));
        }
        play.ask(4_200, failed("free", 503)).keeps(NAME);
    }

    #[test]
    fn a_pod_that_is_sent_clients_long_after_its_signal_is_found() {
        let finding = upgraded().ask(6_000, answered("free", "pod-1")).breaks(NAME);
        assert_eq!(finding.subject, "pod-1, client 1 at entry free");
        assert_eq!(finding.got, "200 by pod-1, asked 1998 ms after");
        // A long request that was sent in time may be answered late.
        let mut play = upgraded();
        play.ask(6_000, answered("free", "pod-1"));
        play.change(|what| match what {
            What::Client(crate::history::ClientEvent::Routed(routed)) => {
                let asked_us = 4_100_000;
                let routed = Routed {
                    asked_us,
                    ..(**routed).clone()
                };
                Some(What::Client(crate::history::ClientEvent::Routed(Box::new(routed))))
            }
            _ => None,
        });
        play.keeps(NAME);
        let mut play = upgraded();
        play.put(3_900, fault(3, "postgres-half-open", "pod-1", aimed()))
            .ask(6_000, answered("free", "pod-1"))
            .keeps(NAME);
    }

    #[test]
    fn an_edge_without_a_processor_may_know_of_a_drain_later() {
        let mut play = upgraded();
        play.put(5_250, starved(&[("edge", 240)]))
            .ask(5_600, answered("free", "pod-1"));
        let judged = play.judged();
        assert_eq!((judged.verdict, judged.findings), (Verdict::Inconclusive, vec![]));
    }

    #[test]
    fn without_an_edge_the_promise_is_judged_in_part() {
        let mut play = upgraded();
        play.describe(|began| {
            began.capabilities.retain(|capability| *capability != Capability::Edge);
            began.rules.edge = None;
        });
        play.ask(6_000, answered("secure", "pod-1").setting(cookie("a")));
        play.passes();
        play.is_judged_in_part(NAME, "clients through the edge notice nothing");
        let judged = play.judged();
        let lacking: Vec<&str> = judged.not_applicable.iter().map(|lack| lack.promise.as_str()).collect();
        assert_eq!(lacking, ["AffinityStickiness", "FailoverRepin", "SessionsStayWarm"]);
    }
}
