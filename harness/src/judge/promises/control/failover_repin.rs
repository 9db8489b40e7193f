//! Promise 30: a client whose pod is lost is served by another one, and pinned anew.
//!
//! An error is allowed for as long as the edge may not know yet that the pod is dead, frozen or back. Later none is, whatever the
//! request's cookie says; a value that stands for no pod at all is no error either. Errors around an orderly change belong to
//! [`drain_completeness`](super::drain_completeness), and errors that a healthy pod says itself to nobody here. The last cookie that an
//! answer sets is the one that the client keeps: a pod that gives the old value back behind the edge's new one undoes the move.

use std::collections::BTreeSet;

use crate::history::Capability;
use crate::judge::view::{Breach, Pins, Request, View};
use crate::judge::{Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 30,
    name: "FailoverRepin",
    statement: "once the edge has had its health window to notice that a client's pod is dead, frozen or told to stop, the client's \
                next request succeeds on another pod and sets a new cookie; outside such windows no request fails while any pod is \
                healthy",
    needs: &[Need::Can(Capability::Edge)],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let pins = Pins::of(view);
    let mut reported = BTreeSet::new();
    let mut breaches = Vec::new();
    for request in view.requests() {
        let found = failed(view, &request).or_else(|| kept_pin(view, pins.as_ref()?, &request));
        breaches.extend(found.filter(|breach| reported.insert(breach.subject.clone())));
    }
    breaches
}

/// A request that the edge itself fails, or nobody answers, though a pod could.
fn failed(view: &View<'_>, request: &Request<'_>) -> Option<Breach> {
    let routed = request.routed;
    if !request.failed() || routed.pod.is_some() {
        return None;
    }
    let is_orderly = view.orderly_change(routed.asked_us, request.at.us).is_some();
    (!is_orderly && !view.is_explained(request)).then(|| {
        let expected = "an answer of a healthy pod, for the edge has had its window since the last loss".to_owned();
        request.breach(expected, request.answer())
    })
}

/// A client whose pod is lost and that fails on another one, or is not pinned to it.
fn kept_pin<'v>(view: &View<'_>, pins: &Pins<'v>, request: &Request<'v>) -> Option<Breach> {
    let routed = request.routed;
    let by = routed.pod.as_ref()?;
    let is_pinned = request.is_pinned_by_cookie() && pins.covers(&routed.path);
    if !is_pinned || !view.pins_clients(routed.asked_us, request.at.us) {
        return None;
    }
    let pin = pins.pin(request).filter(|pin| pin.pod != by.as_str())?;
    if !view.is_out_of_pool(pin.pod, routed.asked_us, request.at.us) {
        return None;
    }
    if request.failed() {
        let since_us = routed.asked_us.saturating_sub(view.health_us());
        let mut faults = view.faults.during(since_us, request.at.us);
        let is_hindered = faults.any(|fault| fault.target == by.as_str() || fault.excuses_everyone());
        return (!is_hindered).then(|| {
            let expected = format!("success on another pod than {}, which is lost", pin.pod);
            request.breach(expected, request.answer())
        });
    }
    let got = match pins.set(request).last() {
        Some(cookie) if Some(&cookie.value) != routed.cookie.as_ref() => return None,
        Some(cookie) => format!("the old one again, {}", cookie.value),
        None => "none".to_owned(),
    };
    let expected = format!("a new cookie with the answer of {by}, for {} is lost", pin.pod);
    Some(request.breach(expected, got))
}

#[cfg(test)]
mod tests {
    use crate::history::{FaultStep, Routed};
    use crate::judge::testing::edge::{answered, broken_off, cookie, edge_play, failed, pool};
    use crate::judge::testing::{Play, aimed, died, fault, observed, starved};
    use crate::verdict::Verdict;

    const NAME: &str = "FailoverRepin";

    /// Client 1 is pinned to pod-1, which something happens to at 4 s; it is back at 9 s.
    fn lost_by(name: &str) -> Play {
        let mut play = edge_play();
        play.ask(3_000, answered("secure", "pod-1").setting(cookie("a")))
            .put(4_000, fault(2, name, "pod-1", aimed()))
            .put(4_001, fault(2, name, "pod-1", observed()))
            .put(8_800, fault(2, name, "pod-1", FaultStep::Healing))
            .put(9_000, fault(2, name, "pod-1", FaultStep::Healed));
        play
    }

    fn carrying(pod: &str) -> Routed {
        answered("secure", pod).carrying("a")
    }

    #[test]
    fn a_client_that_is_served_and_pinned_elsewhere_is_accepted() {
        for name in ["kill", "pause", "terminate"] {
            let mut play = lost_by(name);
            play.ask(5_600, carrying("pod-2").setting(cookie("b")))
                .ask(5_700, answered("secure", "pod-2").carrying("b"));
            play.keeps(NAME);
        }
        let mut play = edge_play();
        play.ask(3_000, carrying("pod-2").setting(cookie("b")));
        play.passes();
    }

    #[test]
    fn an_error_is_allowed_within_the_window_and_not_later() {
        for name in ["kill", "pause"] {
            for failing in [failed("secure", 502), broken_off("secure")] {
                for (ms, is_allowed) in [
                    (4_400, true),
                    (5_400, true),
                    (5_600, false),
                    (8_700, false),
                    (9_500, true),
                ] {
                    let mut play = lost_by(name);
                    play.ask(ms, failing.clone().carrying("a"));
                    assert_eq!(play.findings(NAME).is_empty(), is_allowed, "{name} at {ms} ms");
                }
            }
        }
        assert_eq!(
            lost_by("kill").ask(5_600, failed("free", 504)).breaks(NAME).got,
            "504 by the edge itself"
        );
        let finding = edge_play().ask(5_600, broken_off("by-address")).breaks(NAME);
        assert_eq!(finding.got, "no answer: connection reset");
        let left = Routed {
            trouble: None,
            ..broken_off("free")
        };
        edge_play().ask(5_600, left).keeps(NAME);
    }

    #[test]
    fn what_leaves_no_pod_or_is_said_by_a_pod_is_not_judged() {
        let mut play = lost_by("kill");
        for (id, pod) in [(3, "pod-2"), (4, "pod-3")] {
            play.put(4_500, fault(id, "kill", pod, aimed()))
                .put(4_500, fault(id, "kill", pod, observed()));
        }
        play.ask(7_000, failed("secure", 503)).keeps(NAME);
        let mut play = edge_play();
        play.put(3_000, fault(2, "kill", "edge", aimed()))
            .ask(7_000, broken_off("secure"))
            .keeps(NAME);
        let mut play = edge_play();
        play.put(3_000, fault(2, "nats-blackhole", "pod-2", aimed()))
            .ask(7_000, broken_off("free"))
            .keeps(NAME);
        let mut play = edge_play();
        let said = Routed {
            status: Some(500),
            ..answered("free", "pod-2")
        };
        play.ask(7_000, said).keeps(NAME);
        let mut play = edge_play();
        play.put(6_500, died("pod-2", 1))
            .ask(7_000, failed("free", 502))
            .keeps(NAME);
    }

    #[test]
    fn errors_around_an_orderly_change_are_another_promises() {
        lost_by("terminate").ask(6_000, failed("free", 502)).keeps(NAME);
        let mut play = edge_play();
        play.put(6_000, pool(&["pod-2", "pod-3"]))
            .ask(6_100, failed("free", 502))
            .keeps(NAME);
    }

    #[test]
    fn a_client_that_keeps_the_cookie_of_a_lost_pod_is_found() {
        for name in ["kill", "pause", "terminate"] {
            let finding = lost_by(name).ask(5_600, carrying("pod-2")).breaks(NAME);
            assert_eq!(
                finding.expected,
                "a new cookie with the answer of pod-2, for pod-1 is lost"
            );
            assert_eq!(finding.got, "none");
        }
        let again = carrying("pod-2").setting(cookie("b")).setting(cookie("a"));
        assert_eq!(
            lost_by("kill").ask(5_600, again).breaks(NAME).got,
            "the old one again, a"
        );
        // Within the window the edge may try another pod and know nothing yet.
        lost_by("kill").ask(5_000, carrying("pod-2")).keeps(NAME);
        let mut replaced = edge_play();
        replaced
            .ask(3_000, answered("secure", "pod-1").setting(cookie("a")))
            .put(4_000, pool(&["pod-2", "pod-3"]))
            .ask(5_600, carrying("pod-2"));
        replaced.breaks(NAME);
    }

    #[test]
    fn a_client_that_fails_on_the_next_pod_is_found() {
        let fails = |pod: &str| Routed {
            status: Some(500),
            ..carrying(pod)
        };
        assert_eq!(
            lost_by("kill").ask(5_600, fails("pod-2")).breaks(NAME).got,
            "500 by pod-2"
        );
        let mut play = lost_by("kill");
        play.put(3_000, fault(3, "disk-full", "pod-2", aimed()))
            .ask(5_600, fails("pod-2"))
            .keeps(NAME);
    }

    #[test]
    fn an_edge_without_a_processor_may_know_of_a_loss_later() {
        let mut play = lost_by("kill");
        play.put(5_250, starved(&[("edge", 240)]))
            .ask(5_600, failed("secure", 502));
        let judged = play.judged();
        assert_eq!((judged.verdict, judged.findings), (Verdict::Inconclusive, vec![]));
    }
}
