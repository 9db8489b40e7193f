//! The edge's pool: the pods that the edge can send clients to, as far as the history proves it.
//!
//! A pod is surely in the pool, surely out of it, or neither: from a change of its health on, the edge has its window to notice. At the
//! play's begin every pod of the system is in the pool. Deliberately absent: any opinion about an answer.

use crate::history::{Affinity, EdgeEntry, EdgeRules, PodName, Routed};
use crate::judge::view::at::At;
use crate::judge::view::entities::observations::Death;
use crate::judge::view::faults::FaultSpan;
use crate::judge::view::{Breach, View};

/// Longest time from a signal until the pod knows of it, in microseconds.
pub(crate) const NOTICE_US: u64 = 500_000;

/// A request through the edge, with the time and place of its answer, and the entry that it came by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'v> {
    pub(crate) at: At,
    pub(crate) routed: &'v Routed,
    pub(crate) entry: &'v EdgeEntry,
}

impl Request<'_> {
    /// `client 2 at entry secure`.
    pub(crate) fn label(&self) -> String {
        format!("client {} at entry {}", self.routed.client.0, self.routed.entry)
    }

    /// A broken promise that the request shows.
    pub(crate) fn breach(&self, expected: String, got: String) -> Breach {
        Breach {
            subject: self.label(),
            thread: None,
            n: self.at.n,
            expected,
            got,
        }
    }

    /// The request and its answer, in words.
    pub(crate) fn answer(&self) -> String {
        let Routed { status, pod, .. } = self.routed;
        let whose = pod.as_ref().map_or("the edge itself", PodName::as_str);
        match (status, &self.routed.trouble) {
            (Some(status), _) => format!("{status} by {whose}"),
            (None, Some(trouble)) => format!("no answer: {trouble}"),
            (None, None) => "no answer, since the client left".to_owned(),
        }
    }

    /// True if the client got no answer, or a 5xx.
    pub(crate) fn failed(&self) -> bool {
        match self.routed.status {
            Some(status) => status >= 500,
            None => self.routed.trouble.is_some(),
        }
    }

    /// True if its entry pins clients by a cookie.
    pub(crate) fn is_pinned_by_cookie(&self) -> bool {
        self.entry.affinity == Affinity::Cookie && !self.entry.redirects
    }
}

impl<'a> View<'a> {
    /// Requests by a known entry, in the order of their answers. There are none without an edge.
    pub(crate) fn requests(&self) -> impl Iterator<Item = Request<'_>> {
        let entries = self.rules.edge.as_ref().map_or(&[][..], |edge| &edge.entries);
        self.routed.iter().filter_map(|(at, routed)| {
            let entry = entries.iter().find(|entry| entry.name == routed.entry)?;
            Some(Request { at: *at, routed, entry })
        })
    }

    /// The edge's window to notice that a pod has gone or has come, in microseconds.
    pub(crate) fn health_us(&self) -> u64 {
        self.rules
            .edge
            .as_ref()
            .map_or(0, |edge: &EdgeRules| edge.health_ms * 1000)
    }

    /// True if the edge can send clients to the pod at every moment of `from_us..=until_us`: nothing is the matter with the pod, nor
    /// was for the edge's window before, and the pod belongs to those that get clients.
    pub(crate) fn is_in_pool(&self, pod: &str, from_us: u64, until_us: u64) -> bool {
        let health_us = self.health_us();
        let since_us = from_us.saturating_sub(health_us);
        let is_faulted = self.is_excused(Some(pod), since_us, until_us);
        let mut listings = self.listings(since_us, until_us.saturating_add(health_us));
        let is_listed = listings.all(|listing| is_among(listing, pod));
        !is_faulted && is_listed && !self.is_dead_by_itself(pod, since_us, until_us)
    }

    /// True if the edge is to pin clients by cookie at every moment of `from_us..=until_us`. One that was told to pin nobody for a while
    /// does so from its window after it was told otherwise.
    pub(crate) fn pins_clients(&self, from_us: u64, until_us: u64) -> bool {
        let since_us = from_us.saturating_sub(self.health_us());
        let first = self.pinning.partition_point(|(at, _)| at.us <= since_us);
        let before = first.checked_sub(1).is_none_or(|place| self.pinning[place].1);
        let mut later = self.pinning[first..].iter().take_while(|(at, _)| at.us <= until_us);
        before && later.all(|(_, on)| *on)
    }

    /// True if any pod is in the pool at every moment of `from_us..=until_us`.
    pub(crate) fn is_any_in_pool(&self, from_us: u64, until_us: u64) -> bool {
        let listed = self.pools.iter().flat_map(|(_, pods)| pods.iter().map(PodName::as_str));
        let mut pods = self.pods.iter().copied().chain(listed);
        pods.any(|pod| self.is_in_pool(pod, from_us, until_us))
    }

    /// True if the edge must know at every moment of `from_us..=until_us` that the pod gets no clients: it is dead, frozen, told to
    /// stop, or replaced, for longer than the edge's window, and nothing has begun to bring it back.
    pub(crate) fn is_out_of_pool(&self, pod: &str, from_us: u64, until_us: u64) -> bool {
        let health_us = self.health_us();
        let since_us = from_us.saturating_sub(health_us);
        let mut listings = self.listings(since_us, until_us.saturating_add(health_us));
        if listings.all(|listing| !is_among(listing, pod)) {
            return true;
        }
        let mut faults = self.faults.during(from_us, until_us);
        !self.comes_back(pod)
            && faults.any(|fault| {
                let is_proven = fault.observed.is_some() || fault.asks_to_end();
                let is_away = fault.target == pod && fault.takes_its_target_away() && is_proven;
                let is_known = self.noticed_us(fault).is_some_and(|us| us < from_us);
                is_away && is_known && fault.mended_us().is_none_or(|us| us > until_us)
            })
    }

    /// When the life of a pod ended that was told to stop: at its own end, or when its healing began.
    pub(crate) fn gone_us(&self, fault: &FaultSpan<'_>) -> u64 {
        let died = self.death_after(fault.target, fault.aimed.n);
        let ends = [died.map(|death| death.at.us), fault.mended_us()];
        ends.into_iter().flatten().min().unwrap_or(u64::MAX)
    }

    /// When the edge must know of a fault of a pod. Returns `None` if something that the edge depends on was never healed.
    pub(crate) fn noticed_us(&self, fault: &FaultSpan<'_>) -> Option<u64> {
        let bound_us = self.health_us() + NOTICE_US;
        self.faults.deadline(fault.aimed.us, bound_us, None, &self.pods)
    }

    /// True if a failure of a request is nobody's fault: no pod is surely in the pool, something that all depend on is broken, or
    /// the edge had not had its window yet to notice that a pod is dead, frozen or back. A pod that was told to stop explains
    /// nothing, and neither does a change of the pods that get clients.
    pub(crate) fn is_explained(&self, request: &Request<'_>) -> bool {
        let (asked_us, until_us) = (request.routed.asked_us, request.at.us);
        let since_us = asked_us.saturating_sub(self.health_us());
        let touches = |from_us: u64, to_us: u64| from_us <= until_us && asked_us <= to_us;
        let explains = |fault: &FaultSpan<'_>| {
            let healed_us = fault.healed.map(|at| at.us.saturating_add(self.health_us()));
            let noticed_us = self.noticed_us(fault).unwrap_or(u64::MAX);
            if fault.excuses_nothing() || self.is_orderly(fault) {
                return false;
            }
            let is_away = fault.takes_its_target_away() && !fault.excuses_everyone() && !self.comes_back(fault.target);
            let is_new = touches(fault.aimed.us, noticed_us);
            let is_coming_back = || {
                fault
                    .mended_us()
                    .is_some_and(|us| touches(us, healed_us.unwrap_or(u64::MAX)))
            };
            !is_away || is_new || is_coming_back()
        };
        self.faults.during(since_us, until_us).any(explains)
            || self
                .pods
                .iter()
                .any(|pod| self.is_dead_by_itself(pod, since_us, until_us))
            || !self.is_any_in_pool(asked_us, until_us)
    }

    /// The orderly change that a request falls into, in words: a pod is told to stop, or other pods get clients. It lasts until the
    /// edge knows that the pod is back.
    pub(crate) fn orderly_change(&self, asked_us: u64, until_us: u64) -> Option<String> {
        let health_us = self.health_us();
        let mut faults = self.faults.during(asked_us.saturating_sub(health_us), until_us);
        let stop = faults.find(|fault| self.is_orderly(fault)).map(FaultSpan::label);
        let touches = |us: u64| us <= until_us.saturating_add(health_us) && asked_us <= us.saturating_add(health_us);
        let change = || {
            let (at, pods) = self.pools.iter().find(|(at, _)| touches(at.us))?;
            let names: Vec<&str> = pods.iter().map(PodName::as_str).collect();
            let names = names.join(", ");
            Some(format!(
                "the change of the pods that get clients to {names} (event {})",
                at.n
            ))
        };
        stop.or_else(change)
    }

    /// True if the pod's supervisor starts it again when it ends: it comes back before anybody heals it.
    fn comes_back(&self, pod: &str) -> bool {
        is_among(&self.rules.restarted, pod)
    }

    /// True if a fault tells a pod to stop in good order.
    pub(crate) fn is_orderly(&self, fault: &FaultSpan<'_>) -> bool {
        fault.asks_to_end() && self.pods.contains(fault.target)
    }

    /// The lists of pods that get clients, each that is in force at any moment of `from_us..=until_us`.
    fn listings(&self, from_us: u64, until_us: u64) -> impl Iterator<Item = &'a [PodName]> {
        let first = self.pools.partition_point(|(at, _)| at.us <= from_us);
        let before = first
            .checked_sub(1)
            .map_or(self.known_pods, |place| self.pools[place].1);
        let later = self.pools[first..].iter().take_while(move |(at, _)| at.us <= until_us);
        std::iter::once(before).chain(later.map(|(_, pods)| *pods))
    }

    /// True if a pod ended without a fault that ends it, and may not be back in the pool at any moment of `from_us..=until_us`. Such a
    /// pod is back once it is healed or answers.
    fn is_dead_by_itself(&self, pod: &str, from_us: u64, until_us: u64) -> bool {
        let was_ended = |death: &Death<'_>| {
            let mut faults = self.faults.during(death.at.us, death.at.us);
            faults.any(|fault| fault.target == pod && fault.ends_its_target())
        };
        let back_us = |death: &Death<'_>| {
            let healed = self.faults.iter().filter(|fault| fault.target == pod);
            let healed = healed.filter_map(|fault| fault.healed).map(|at| at.us);
            let answered = self.routed.iter().filter(|(_, routed)| is_by(routed, pod));
            let answered = answered.map(|(_, routed)| routed.asked_us);
            healed.chain(answered).filter(|us| *us > death.at.us).min()
        };
        let mut deaths = self
            .deaths
            .iter()
            .filter(|death| death.service == pod && death.at.us <= until_us);
        deaths.any(|death| !was_ended(death) && back_us(death).is_none_or(|us| us >= from_us))
    }
}

impl FaultSpan<'_> {
    /// From when on the target may serve again: when its healing began, or, where the history does not say, when it was healed.
    fn mended_us(&self) -> Option<u64> {
        self.healing.or(self.healed).map(|at| at.us)
    }
}

/// True if a pod answered.
pub(crate) fn is_by(routed: &Routed, pod: &str) -> bool {
    routed.pod.as_ref().is_some_and(|by| by.as_str() == pod)
}

fn is_among(pods: &[PodName], pod: &str) -> bool {
    pods.iter().any(|listed| listed.as_str() == pod)
}

#[cfg(test)]
mod tests {
    use crate::history::{FaultStep, RunEvent, What};
    use crate::judge::testing::edge::{answered, edge_play, pool};
    use crate::judge::testing::{Play, aimed, died, fault, observed, starved};
    use crate::judge::view::View;

    /// Says of pod-1 at each of these milliseconds whether it is surely in the pool (`+`), surely out of it (`-`), or neither.
    fn places(play: &Play, at_ms: &[u64]) -> String {
        let history = play.history();
        let view = View::of(&history);
        let place = |ms: &u64| {
            let us = ms * 1000;
            match (view.is_in_pool("pod-1", us, us), view.is_out_of_pool("pod-1", us, us)) {
                (true, false) => '+',
                (false, true) => '-',
                (false, false) => '?',
                (true, true) => panic!("in and out at {ms} ms"),
            }
        };
        at_ms.iter().map(place).collect()
    }

    fn faulted(name: &str) -> Play {
        let mut play = edge_play();
        play.put(3_000, fault(2, name, "pod-1", aimed()))
            .put(3_010, fault(2, name, "pod-1", observed()))
            .put(8_000, fault(2, name, "pod-1", FaultStep::Healing))
            .put(8_500, fault(2, name, "pod-1", FaultStep::Healed));
        play
    }

    #[test]
    fn the_edge_has_its_window_to_notice_that_a_pod_goes_and_comes() {
        let moments = [0, 2_999, 3_001, 4_499, 4_501, 7_999, 8_001, 9_499, 9_501];
        for name in ["kill", "terminate", "pause"] {
            assert_eq!(places(&faulted(name), &moments), "++??--??+", "{name}");
        }
        // A link leaves the pod running: nobody knows what its health check says.
        assert_eq!(places(&faulted("postgres-half-open"), &moments), "++??????+");
        for name in ["hold at inside-drain", "clock-shifted", "disk-full"] {
            assert_eq!(places(&faulted(name), &moments), "+++++++++", "{name}");
        }
    }

    #[test]
    fn a_pod_that_its_supervisor_starts_again_may_be_back_at_any_time() {
        let mut play = faulted("kill");
        play.change(|what| match what {
            What::Run(RunEvent::Began(began)) => {
                let mut began = began.clone();
                began.rules.restarted = vec!["pod-1".into()];
                Some(What::Run(RunEvent::Began(began)))
            }
            _ => None,
        });
        assert_eq!(places(&play, &[2_999, 3_001, 7_999, 9_499, 9_501]), "+???+");
    }

    #[test]
    fn a_pod_that_is_not_among_those_that_get_clients_is_out_of_the_pool() {
        let mut play = edge_play();
        play.put(3_000, pool(&["pod-2", "pod-3"]))
            .put(8_000, pool(&["pod-1", "pod-2", "pod-3"]));
        let moments = [1_999, 2_001, 3_999, 4_001, 6_999, 7_001, 8_999, 9_001];
        assert_eq!(places(&play, &moments), "+??--??+");
    }

    #[test]
    fn an_edge_that_pinned_nobody_for_a_while_pins_again_after_its_window() {
        let mut play = edge_play();
        play.put(3_000, What::Run(RunEvent::Pinning { on: false }))
            .put(6_000, What::Run(RunEvent::Pinning { on: true }));
        let history = play.history();
        let view = View::of(&history);
        let pins = |ms: u64| view.pins_clients(ms * 1000, ms * 1000);
        assert_eq!([2_999, 3_001, 6_999, 7_001].map(pins), [true, false, false, true]);
        assert!(!view.pins_clients(2_999_000, 3_001_000));
    }

    #[test]
    fn a_pod_that_ended_by_itself_is_away_until_it_answers() {
        let mut play = edge_play();
        play.put(3_000, died("pod-1", 1));
        assert_eq!(places(&play, &[2_999, 3_001, 12_000]), "+??");
        play.ask(6_000, answered("free", "pod-1"));
        assert_eq!(places(&play, &[2_999, 3_001, 6_900, 7_001]), "+??+");
    }

    #[test]
    fn a_starved_pod_is_in_no_certain_place() {
        let mut play = edge_play();
        play.put(3_250, starved(&[("pod-1", 240)]));
        let history = play.history();
        let mut view = View::of(&history);
        assert!(view.is_in_pool("pod-1", 3_100_000, 3_100_000));
        assert!(view.excuse_starvation());
        assert!(!view.is_in_pool("pod-1", 3_100_000, 3_100_000));
        assert!(view.is_in_pool("pod-2", 3_100_000, 3_100_000));
    }
}
