//! Figures of requests through an edge, derived from a history, and their spread over a run. Pure; no verdict depends on them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::spread::Spread;
use crate::history::{
    Affinity, ClientEvent, ClientNo, EdgeEntry, Ends, Event, Excuses, FaultEvent, FaultStep, MachineEvent, Routed,
    RunEvent, What,
};

/// Figures of what the clients of one story saw through the edge. Times are in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EdgeFigures {
    /// Requests, those of streams included.
    pub requests: usize,
    /// Streams among the answers.
    pub streams: usize,
    /// Requests that were answered with a 5xx, by a pod or by the edge itself.
    pub server_errors: usize,
    /// Requests that got no answer.
    pub unanswered: usize,
    /// From SIGTERM to the last request that the edge still sent to the pod; 0 if it sent none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sigterm_to_out_ms: Vec<f64>,
    /// From a pod's death by SIGKILL to the first success of a client that it had pinned, on another pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sigkill_to_success_ms: Vec<f64>,
    /// Time of an answer for which the pod had to build a session.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cold_session_ms: Vec<f64>,
    /// How long the building took, by the pods' own word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub session_build_ms: Vec<f64>,
    /// Time of an answer to the same request where the session was warm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warm_session_ms: Vec<f64>,
}

/// Figures of what the clients of a run saw through the edge: sums and spreads of [`EdgeFigures`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EdgeSpreads {
    /// Sum of [`EdgeFigures::requests`].
    pub requests: usize,
    /// Sum of [`EdgeFigures::streams`].
    pub streams: usize,
    /// Sum of [`EdgeFigures::server_errors`].
    pub server_errors: usize,
    /// Sum of [`EdgeFigures::unanswered`].
    pub unanswered: usize,
    /// Spread of [`EdgeFigures::sigterm_to_out_ms`].
    #[serde(default, skip_serializing_if = "Spread::is_empty")]
    pub sigterm_to_out_ms: Spread,
    /// Spread of [`EdgeFigures::sigkill_to_success_ms`].
    #[serde(default, skip_serializing_if = "Spread::is_empty")]
    pub sigkill_to_success_ms: Spread,
    /// Spread of [`EdgeFigures::cold_session_ms`].
    #[serde(default, skip_serializing_if = "Spread::is_empty")]
    pub cold_session_ms: Spread,
    /// Spread of [`EdgeFigures::session_build_ms`].
    #[serde(default, skip_serializing_if = "Spread::is_empty")]
    pub session_build_ms: Spread,
    /// Spread of [`EdgeFigures::warm_session_ms`].
    #[serde(default, skip_serializing_if = "Spread::is_empty")]
    pub warm_session_ms: Spread,
}

impl EdgeSpreads {
    /// Figures of a run from those of its stories. Returns `None` if there are none.
    pub fn of_stories(stories: &[&EdgeFigures]) -> Option<Self> {
        stories.first()?;
        let sum = |count: fn(&EdgeFigures) -> usize| stories.iter().map(|story| count(story)).sum();
        let spread = |values: fn(&EdgeFigures) -> &Vec<f64>| {
            let all = stories.iter().flat_map(|story| values(story));
            Spread::of(all.copied())
        };
        Some(Self {
            requests: sum(|s| s.requests),
            streams: sum(|s| s.streams),
            server_errors: sum(|s| s.server_errors),
            unanswered: sum(|s| s.unanswered),
            sigterm_to_out_ms: spread(|s| &s.sigterm_to_out_ms),
            sigkill_to_success_ms: spread(|s| &s.sigkill_to_success_ms),
            cold_session_ms: spread(|s| &s.cold_session_ms),
            session_build_ms: spread(|s| &s.session_build_ms),
            warm_session_ms: spread(|s| &s.warm_session_ms),
        })
    }
}

/// A request, and when it was answered, in microseconds since the run began.
type Answered<'a> = (u64, &'a Routed);

impl EdgeFigures {
    /// Figures that the history itself holds. Returns `None` if no request went through an edge.
    pub fn of_history(events: &[Event]) -> Option<Self> {
        let routed: Vec<Answered<'_>> = events.iter().filter_map(answered).collect();
        if routed.is_empty() {
            return None;
        }
        let count = |which: fn(&Routed) -> bool| routed.iter().filter(|(_, routed)| which(routed)).count();
        let (cold, warm): (Vec<_>, Vec<_>) = sessions(&routed)
            .into_iter()
            .partition(|(_, routed)| routed.cold_start_ms.is_some());
        Some(Self {
            requests: routed.len(),
            streams: count(|routed| routed.stream),
            server_errors: count(|routed| routed.status.is_some_and(|status| status >= 500)),
            unanswered: count(|routed| routed.status.is_none() && routed.trouble.is_some()),
            sigterm_to_out_ms: sigterm_to_out(events, &routed),
            sigkill_to_success_ms: sigkill_to_success(events, &routed),
            session_build_ms: cold
                .iter()
                .filter_map(|(_, cold)| cold.cold_start_ms)
                .map(|ms| ms as f64)
                .collect(),
            cold_session_ms: cold.iter().map(took_ms).collect(),
            warm_session_ms: warm.iter().map(took_ms).collect(),
        })
    }
}

fn answered(event: &Event) -> Option<Answered<'_>> {
    match &event.what {
        What::Client(ClientEvent::Routed(routed)) => Some((event.at_us, routed)),
        _ => None,
    }
}

fn ms(from_us: u64, until_us: u64) -> f64 {
    until_us.saturating_sub(from_us) as f64 / 1000.0
}

fn took_ms((at_us, routed): &Answered<'_>) -> f64 {
    ms(routed.asked_us, *at_us)
}

/// Successful requests of a kind that a session was built for at least once: the same method and path.
fn sessions<'a>(routed: &[Answered<'a>]) -> Vec<Answered<'a>> {
    let is_success = |routed: &Routed| routed.status.is_some_and(|status| (200..300).contains(&status));
    let kind = |routed: &'a Routed| (routed.method.as_str(), routed.path.as_str());
    let successes = || routed.iter().filter(|(_, routed)| is_success(routed));
    let built: BTreeSet<_> = successes()
        .filter(|(_, routed)| routed.cold_start_ms.is_some())
        .map(|(_, routed)| kind(routed))
        .collect();
    successes()
        .filter(|(_, routed)| built.contains(&kind(routed)))
        .copied()
        .collect()
}

/// Faults of single parts that end them in one way, each with its event.
fn endings(events: &[Event], ends: Ends) -> impl Iterator<Item = (&Event, &FaultEvent)> {
    events.iter().filter_map(move |event| match &event.what {
        What::Fault(fault) if fault.effect.ends == ends && fault.effect.excuses == Excuses::ItsTarget => {
            Some((event, &**fault))
        }
        _ => None,
    })
}

/// Signals to stop that pods were sent, each with its event.
fn sigterms(events: &[Event]) -> impl Iterator<Item = (&Event, &FaultEvent)> {
    endings(events, Ends::InGoodOrder).filter(|(_, fault)| matches!(fault.step, FaultStep::Aimed { .. }))
}

/// From SIGTERM to the end of the pod's process, of each pod that was told to stop and ended before it was brought back.
pub(super) fn drains_ms(events: &[Event]) -> Vec<f64> {
    let until = |(sent, fault): (&Event, &FaultEvent)| {
        let back_us = mended_us(events, fault.id);
        let is_end = |what: &What| match what {
            What::Machine(MachineEvent::Engine { service, action, .. }) => *service == fault.target && action == "die",
            _ => false,
        };
        let mut later = events.iter().filter(|event| event.n > sent.n && event.at_us <= back_us);
        let died = later.find(|event| is_end(&event.what))?;
        Some(ms(sent.at_us, died.at_us))
    };
    sigterms(events).filter_map(until).collect()
}

/// When a fault's healing began, in microseconds since the run began.
fn mended_us(events: &[Event], id: u32) -> u64 {
    let mended = events.iter().find(|event| {
        matches!(&event.what, What::Fault(fault) if fault.id == id && matches!(fault.step, FaultStep::Healing | FaultStep::Healed))
    });
    mended.map_or(u64::MAX, |event| event.at_us)
}

fn sigterm_to_out(events: &[Event], routed: &[Answered<'_>]) -> Vec<f64> {
    let out = |(sent, fault): (&Event, &FaultEvent)| {
        let back_us = mended_us(events, fault.id);
        let after = || {
            let asked = routed.iter().map(|(_, routed)| *routed);
            asked.filter(move |routed| (sent.at_us..back_us).contains(&routed.asked_us) && routed.pod.is_some())
        };
        after().next()?;
        let to_it = after().filter(|routed| is_by(routed, &fault.target));
        Some(to_it.map(|routed| ms(sent.at_us, routed.asked_us)).fold(0.0, f64::max))
    };
    sigterms(events).filter_map(out).collect()
}

fn sigkill_to_success(events: &[Event], routed: &[Answered<'_>]) -> Vec<f64> {
    let pinning = pinning_entries(events);
    let of_pinned = routed
        .iter()
        .filter(|(_, routed)| pinning.contains(routed.entry.as_str()));
    let mut of_clients: BTreeMap<(ClientNo, &str), Vec<Answered<'_>>> = BTreeMap::new();
    for (at_us, routed) in of_pinned {
        let of_client = of_clients.entry((routed.client, routed.entry.as_str())).or_default();
        of_client.push((*at_us, routed));
    }
    let deaths = endings(events, Ends::AtOnce).filter(|(_, fault)| matches!(fault.step, FaultStep::Observed { .. }));
    let moves = deaths.flat_map(|(dead, fault)| {
        of_clients.values().filter_map(move |answers| {
            let before = answers
                .iter()
                .rfind(|(at_us, routed)| *at_us <= dead.at_us && routed.pod.is_some())?;
            let is_elsewhere = |routed: &Routed| routed.pod.is_some() && !is_by(routed, &fault.target);
            let is_success = |routed: &Routed| routed.status.is_some_and(|status| status < 500);
            let mut after = answers.iter().filter(|(at_us, _)| *at_us > dead.at_us);
            let next = after.find(|(_, routed)| is_elsewhere(routed) && is_success(routed))?;
            is_by(before.1, &fault.target).then(|| ms(dead.at_us, next.0))
        })
    });
    moves.collect()
}

/// Names of the entries that pin their clients.
fn pinning_entries(events: &[Event]) -> BTreeSet<&str> {
    let rules = events.iter().find_map(|event| match &event.what {
        What::Run(RunEvent::Began(began)) => began.rules.edge.as_ref(),
        _ => None,
    });
    let entries = rules.map_or(&[][..], |rules| &rules.entries);
    let pins = |entry: &&EdgeEntry| entry.affinity != Affinity::None && !entry.redirects;
    entries.iter().filter(pins).map(|entry| entry.name.as_str()).collect()
}

fn is_by(routed: &Routed, pod: &str) -> bool {
    routed.pod.as_ref().is_some_and(|by| by.as_str() == pod)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::edge::{answered, broken_off, cookie, edge_play, failed};
    use crate::judge::testing::{Play, aimed, died, fault, observed};

    fn of(play: &Play) -> EdgeFigures {
        EdgeFigures::of_history(&play.history().events).expect("requests through the edge")
    }

    #[test]
    fn a_run_without_an_edge_has_no_such_figures() {
        assert_eq!(EdgeFigures::of_history(&edge_play().history().events), None);
        assert_eq!(EdgeSpreads::of_stories(&[]), None);
        assert_eq!(drains_ms(&edge_play().history().events), Vec::<f64>::new());
    }

    #[test]
    fn requests_are_counted_by_their_answers() {
        let stream = Routed {
            stream: true,
            ..answered("free", "pod-1")
        };
        let mut play = edge_play();
        play.ask(3_000, stream)
            .ask(3_100, failed("free", 502))
            .ask(3_200, failed("free", 404))
            .ask(3_300, broken_off("free"));
        let figures = of(&play);
        let counts = (
            figures.requests,
            figures.streams,
            figures.server_errors,
            figures.unanswered,
        );
        assert_eq!(counts, (4, 1, 1, 1));
        let run = EdgeSpreads::of_stories(&[&figures, &figures]).expect("figures");
        assert_eq!(
            (run.requests, run.streams, run.server_errors, run.unanswered),
            (8, 2, 2, 2)
        );
    }

    #[test]
    fn a_drain_lasts_to_the_exit_and_a_pod_is_out_with_its_last_request() {
        let mut play = edge_play();
        play.put(4_000, fault(2, "terminate", "pod-1", aimed()))
            .put(7_000, died("pod-1", 0))
            .put(8_500, fault(2, "terminate", "pod-1", FaultStep::Healing))
            .ask(3_000, answered("free", "pod-1"))
            .ask(4_502, answered("free", "pod-1"))
            .ask(5_000, answered("free", "pod-2"))
            .ask(9_000, answered("free", "pod-1"));
        assert_eq!(drains_ms(&play.history().events), [3_000.0]);
        assert_eq!(of(&play).sigterm_to_out_ms, [500.0]);
    }

    #[test]
    fn failover_is_counted_to_the_first_success_of_each_client_that_was_pinned() {
        let mut play = edge_play();
        play.ask(3_000, answered("secure", "pod-1").setting(cookie("a")))
            .ask(3_000, answered("secure", "pod-2").of(2).setting(cookie("b")))
            .ask(3_000, answered("free", "pod-1").of(3))
            .put(4_000, fault(2, "kill", "pod-1", aimed()))
            .put(4_000, fault(2, "kill", "pod-1", observed()))
            .ask(4_100, failed("secure", 502).carrying("a"))
            .ask(4_700, answered("secure", "pod-2").carrying("a").setting(cookie("b")))
            .ask(4_800, answered("secure", "pod-2").of(2).carrying("b"))
            .ask(4_900, answered("free", "pod-2").of(3));
        assert_eq!(of(&play).sigkill_to_success_ms, [700.0]);
    }

    #[test]
    fn a_cold_session_is_held_against_a_warm_one_of_the_same_request() {
        let post = |path: &str, cold_start_ms| Routed {
            method: "POST".into(),
            cold_start_ms,
            status: Some(202),
            ..answered("secure", "pod-1").to(path)
        };
        let mut play = edge_play();
        play.ask(3_000, post("/v1/threads/t-1/messages", Some(40)))
            .ask(3_500, post("/v1/threads/t-1/messages", None))
            .ask(3_600, post("/v1/threads", None));
        let figures = of(&play);
        assert_eq!(
            (figures.session_build_ms, figures.cold_session_ms),
            (vec![40.0], vec![2.0])
        );
        assert_eq!(figures.warm_session_ms, [2.0]);
    }
}
