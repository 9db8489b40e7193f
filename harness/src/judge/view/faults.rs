//! Faults: their lives, their effects, and the time that a bound may not count because of them.

use std::collections::{BTreeSet, HashMap};

use crate::history::{Effect, Ends, Excuses, FaultEvent, FaultStep};
use crate::judge::view::at::At;
use crate::judge::view::slow::{Slow, slowed};

/// One fault's life.
#[derive(Debug)]
pub(crate) struct FaultSpan<'a> {
    pub(crate) id: u32,
    pub(crate) name: &'a str,
    pub(crate) target: &'a str,
    pub(crate) effect: &'a Effect,
    /// True if it stands for a stretch of CPU starvation.
    pub(crate) is_starvation: bool,
    /// From here on the target may be affected.
    pub(crate) aimed: At,
    /// When its effect was proven.
    pub(crate) observed: Option<At>,
    /// When its healing began, if the history says.
    pub(crate) healing: Option<At>,
    /// When the target was seen to serve again.
    pub(crate) healed: Option<At>,
}

impl<'a> FaultSpan<'a> {
    fn begun(event: &'a FaultEvent, aimed: At) -> Self {
        Self {
            id: event.id,
            name: &event.name,
            target: &event.target,
            effect: &event.effect,
            is_starvation: false,
            aimed,
            observed: None,
            healing: None,
            healed: None,
        }
    }

    /// A stretch of CPU starvation, which counts as a fault that was healed at its end.
    pub(super) fn of_starvation(target: &'a str, effect: &'a Effect, from: At, until: At) -> Self {
        Self {
            id: u32::MAX,
            name: "CPU starvation",
            target,
            effect,
            is_starvation: true,
            aimed: from,
            observed: None,
            healing: None,
            healed: Some(until),
        }
    }
}

impl FaultSpan<'_> {
    /// True if it is a fault of one of a pod's links.
    pub(crate) fn is_of_link(&self) -> bool {
        self.effect.cuts_off.is_some()
    }

    /// True if everybody owes everything that is always owed. That holds for a hold, which stops one task while
    /// the pod does all else; a wrong wall clock, on which nothing may depend; another version, which serves like
    /// any; and a pod's full disk, which no turn needs.
    pub(crate) fn excuses_nothing(&self) -> bool {
        self.effect.excuses == Excuses::Nothing
    }

    /// True if it excuses every pod: its target is a part that all depend on.
    pub(crate) fn excuses_everyone(&self) -> bool {
        self.effect.excuses == Excuses::Everyone
    }

    /// True if it excuses the pod, alone or with all others.
    pub(crate) fn excuses(&self, pod: &str) -> bool {
        match self.effect.excuses {
            Excuses::Nothing => false,
            Excuses::ItsTarget => self.target == pod,
            Excuses::Everyone => true,
        }
    }

    /// True if it ends its target's process. Otherwise the target continues where it stopped or was cut off.
    pub(crate) fn ends_its_target(&self) -> bool {
        self.effect.ends != Ends::Not
    }

    /// True if it asks a pod to end in good order.
    pub(crate) fn asks_to_end(&self) -> bool {
        self.effect.ends == Ends::InGoodOrder && self.effect.excuses == Excuses::ItsTarget
    }

    /// True if nobody serves in its target's place while it is in force. An empty database, for example,
    /// still serves.
    pub(crate) fn takes_its_target_away(&self) -> bool {
        self.ends_its_target() || self.effect.freezes
    }

    /// True if nothing that is to be stored or sent gets through its target while it is in force. A momentary
    /// fault does not count: ended sessions can be opened again at once, and a deleted stream can be made
    /// again.
    pub(crate) fn refuses_work(&self) -> bool {
        self.takes_its_target_away() || self.effect.refuses_writes
    }

    /// True if stored data can be read while nothing can be stored. Readers then are owed what they always are,
    /// at once and not after the heal.
    pub(crate) fn leaves_reading(&self) -> bool {
        self.effect.refuses_writes && !self.effect.refuses_reads
    }

    /// True if the stream log has lost its content by it. A resync is then the right answer, and no loss that
    /// a pod caused.
    pub(crate) fn loses_the_log(&self) -> bool {
        self.effect.loses_log
    }

    /// True if it may keep its target from its work at any moment of `from_us..=until_us`. A hold does not: a
    /// turn that it stops is judged as one that stands still, and clients, peers and promises are owed what
    /// they always are. A pod's full disk does not either: writes without room are refused, and everything else is
    /// owed.
    pub(crate) fn touches(&self, from_us: u64, until_us: u64) -> bool {
        !self.excuses_nothing() && self.is_there(from_us, until_us)
    }

    /// True if it is in force at any moment of `from_us..=until_us`, whatever its effect.
    pub(crate) fn is_there(&self, from_us: u64, until_us: u64) -> bool {
        self.aimed.us <= until_us && self.healed.is_none_or(|healed| healed.us >= from_us)
    }

    /// `kill on pod-2 (fault 1)`.
    pub(crate) fn label(&self) -> String {
        format!("{} on {} (fault {})", self.name, self.target, self.id)
    }
}

/// All faults of a run.
#[derive(Debug, Default)]
pub(crate) struct Faults<'a> {
    /// In the order of their beginning.
    spans: Vec<FaultSpan<'a>>,
    /// For each span, when the last of it and of the spans before it was healed; the end of time if one never
    /// was. The values never decrease, so that a binary search finds the spans that reach a moment.
    over_us: Vec<u64>,
    /// Steps of time, in their order, that no bound counts as they are.
    slow: Vec<Slow<'a>>,
    /// When anything was last healed.
    pub(crate) last_healed_us: Option<u64>,
}

impl<'a> Faults<'a> {
    /// Collects the faults of these events.
    pub(crate) fn of(events: impl IntoIterator<Item = (At, &'a FaultEvent)>) -> Self {
        let mut spans: Vec<FaultSpan<'a>> = Vec::new();
        let mut places = HashMap::new();
        for (at, event) in events {
            // A fault without an event of its aiming began, as far as the history knows, at its first
            // event.
            let place = *places.entry(event.id).or_insert_with(|| {
                spans.push(FaultSpan::begun(event, at));
                spans.len() - 1
            });
            let span = &mut spans[place];
            match &event.step {
                FaultStep::Observed { .. } => span.observed = span.observed.or(Some(at)),
                FaultStep::Healed => span.healed = Some(at),
                FaultStep::Healing => span.healing = Some(at),
                FaultStep::Aimed { .. } | FaultStep::Judged { .. } => {}
            }
        }
        let mut faults = Self::default();
        faults.add(spans);
        faults
    }

    /// Adds faults, and steps of time that no bound counts as they are.
    pub(super) fn slow_down(&mut self, spans: Vec<FaultSpan<'a>>, slow: Vec<Slow<'a>>) {
        self.add(spans);
        self.slow = slow;
    }

    fn add(&mut self, spans: Vec<FaultSpan<'a>>) {
        self.spans.extend(spans);
        self.spans.sort_by_key(|span| span.aimed.us);
        let healed_us = self.spans.iter().map(|span| span.healed.map_or(u64::MAX, |at| at.us));
        let over_us = healed_us.scan(0, |latest, us| {
            *latest = us.max(*latest);
            Some(*latest)
        });
        self.over_us = over_us.collect();
        self.last_healed_us = self.spans.iter().filter_map(|span| span.healed).map(|at| at.us).max();
    }

    /// In the order of their beginning.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &FaultSpan<'a>> {
        self.spans.iter()
    }

    /// The faults in force at any moment of `from_us..=until_us`, whatever their effect.
    pub(crate) fn during(&self, from_us: u64, until_us: u64) -> impl Iterator<Item = &FaultSpan<'a>> {
        let begun = self.not_over(from_us).iter();
        begun
            .take_while(move |span| span.aimed.us <= until_us)
            .filter(move |span| span.is_there(from_us, until_us))
    }

    /// The faults from the first on that is in force at `from_us` or later.
    fn not_over(&self, from_us: u64) -> &[FaultSpan<'a>] {
        &self.spans[self.over_us.partition_point(|over_us| *over_us < from_us)..]
    }

    /// The faults in force at an event, in words.
    pub(crate) fn in_force(&self, n: u64) -> Option<String> {
        let there = |span: &&FaultSpan<'_>| span.aimed.n <= n && span.healed.is_none_or(|healed| healed.n >= n);
        let labels: Vec<String> = self.spans.iter().filter(there).map(FaultSpan::label).collect();
        (!labels.is_empty()).then(|| labels.join(", "))
    }

    /// When `bound_us` from `from_us` on is over. Each heal of a fault that keeps `pod` (or, without one, the
    /// survivors) from its work sets the clock back to zero: a pause of that pod, a broken dependency. A
    /// bound of one pod is owed to readers, so a database that can still be read does not count as broken
    /// there. Without a pod, while every pod is dead, frozen or cut off from the database there are no survivors, and the clock waits
    /// for the first to be back: one that boots has its whole bound before it. Returns `None` if such a fault
    /// was never healed: then nothing is owed. Once starvation is excused, the clock also stands still for as
    /// long as somebody waited for a CPU.
    pub(crate) fn deadline(
        &self,
        from_us: u64,
        bound_us: u64,
        pod: Option<&str>,
        pods: &BTreeSet<&str>,
    ) -> Option<u64> {
        let hinders = |span: &FaultSpan<'_>| match pod {
            Some(_) if span.excuses_everyone() => !span.leaves_reading(),
            Some(pod) => !span.ends_its_target() && pod == span.target,
            // Which of the pods it is that should have done it nobody knows.
            None => span.excuses_everyone() || span.is_starvation,
        };
        let mut from_us = match pod {
            Some(_) => from_us,
            None => self.first_survivor(from_us, bound_us, pods)?,
        };
        let over = |from_us: u64| slowed(&self.slow, from_us, bound_us, pod);
        // Ordered by their beginning, so one pass meets every fault that a later start brings into reach.
        for span in self.not_over(from_us) {
            let until_us = over(from_us);
            if span.aimed.us > until_us {
                break;
            }
            if span.touches(from_us, until_us) && hinders(span) {
                from_us = from_us.max(span.healed?.us);
            }
        }
        Some(over(from_us))
    }

    /// When there is a pod again, if there is none at some moment within `bound_us` from `from_us` on.
    /// Returns `from_us` if there always is one, and `None` if none comes back.
    fn first_survivor(&self, from_us: u64, bound_us: u64, pods: &BTreeSet<&str>) -> Option<u64> {
        if pods.is_empty() {
            return Some(from_us);
        }
        let out = |us: u64| {
            let is_out = |span: &&FaultSpan<'_>| span.takes_its_target_away() || span.effect.isolates;
            let spans = self.during(us, us).filter(is_out);
            spans.filter(move |span| span.healed.is_none_or(|healed| healed.us > us))
        };
        // The last pod is put out of action by a fault that is aimed then, or was out when the clock began.
        let begun = self.spans.partition_point(|span| span.aimed.us < from_us);
        let aimed = self.spans[begun..].iter().map(|span| span.aimed.us);
        let moments = std::iter::once(from_us).chain(aimed);
        let mut from_us = from_us;
        for us in moments {
            if us > from_us.saturating_add(bound_us) {
                break;
            }
            if pods.iter().all(|pod| out(us).any(|span| span.target == *pod)) {
                // A pod is back when the last of what put it out of action is healed.
                let back = |pod: &&str| {
                    let mut healed = out(us)
                        .filter(|span| span.target == *pod)
                        .map(|span| span.healed.map(|at| at.us));
                    healed.try_fold(us, |latest, healed| Some(latest.max(healed?)))
                };
                from_us = from_us.max(pods.iter().filter_map(back).min()?);
            }
        }
        Some(from_us)
    }
}

/// How much of `from_us..until_us` lies in none of the `spared` intervals, in microseconds.
pub(crate) fn uncovered_us(from_us: u64, until_us: u64, mut spared: Vec<(u64, u64)>) -> u64 {
    spared.sort_unstable();
    let mut counted = 0;
    let mut at = from_us;
    for (begin, end) in spared {
        counted += begin.min(until_us).saturating_sub(at);
        at = at.max(end);
    }
    counted + until_us.saturating_sub(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::effect_by_name;

    fn named(name: &str, id: u32, target: &str, step: FaultStep) -> FaultEvent {
        FaultEvent {
            id,
            name: name.into(),
            target: target.into(),
            effect: effect_by_name(name, target),
            step,
        }
    }

    fn step(id: u32, target: &str, step: FaultStep) -> FaultEvent {
        named("pause", id, target, step)
    }

    fn timed(events: &[(u64, FaultEvent)]) -> Vec<(At, &FaultEvent)> {
        let events = events.iter().zip(1..);
        events.map(|((us, event), n)| (At { n, us: *us }, event)).collect()
    }

    #[test]
    fn only_what_no_interval_covers_is_counted() {
        assert_eq!(uncovered_us(10, 20, vec![]), 10);
        assert_eq!(uncovered_us(10, 20, vec![(12, 14), (0, 11)]), 7);
        assert_eq!(uncovered_us(10, 20, vec![(0, 100)]), 0);
        assert_eq!(uncovered_us(10, 20, vec![(15, u64::MAX), (14, 16)]), 4);
        assert_eq!(uncovered_us(10, 20, vec![(30, 40), (1, 2)]), 10);
        assert_eq!(uncovered_us(20, 10, vec![]), 0);
    }

    #[test]
    fn a_hold_is_told_and_excuses_nothing() {
        let begins = FaultStep::Aimed {
            thread: None,
            epoch: None,
        };
        let hold = named("hold at inside-takeover", 1, "pod-1", begins);
        let pods = BTreeSet::from(["pod-1", "pod-2"]);
        let faults = Faults::of([(At { n: 1, us: 100 }, &hold)]);
        let span = faults.iter().next().expect("it was noted");
        assert!(span.is_there(0, 200) && !span.touches(0, 200) && !span.ends_its_target());
        assert_eq!(faults.deadline(50, 100, Some("pod-1"), &pods), Some(150));
        assert_eq!(
            faults.in_force(2).as_deref(),
            Some("hold at inside-takeover on pod-1 (fault 1)")
        );
    }

    /// One fault on something that is no pod, from 100 to 400 us.
    fn of_dependency(name: &str) -> Faults<'static> {
        let begins = FaultStep::Aimed {
            thread: None,
            epoch: None,
        };
        let events = [(1, 100, begins), (2, 400, FaultStep::Healed)].map(|(n, us, step_taken)| {
            let event = named(name, 1, "postgres", step_taken);
            (At { n, us }, &*Box::leak(Box::new(event)))
        });
        Faults::of(events)
    }

    #[test]
    fn readers_wait_for_a_database_without_places_and_not_for_one_without_writes() {
        let pods = BTreeSet::from(["pod-1", "pod-2"]);
        for name in [
            "connections-exhausted",
            "storage-wiped",
            "backends-terminated",
            "stream-deleted",
        ] {
            let faults = of_dependency(name);
            assert_eq!(faults.deadline(150, 100, Some("pod-1"), &pods), Some(500), "{name}");
            assert_eq!(faults.deadline(150, 100, None, &pods), Some(500), "{name}");
        }
        let faults = of_dependency("read-only");
        assert_eq!(
            faults.deadline(150, 100, Some("pod-1"), &pods),
            Some(250),
            "what is stored can be read"
        );
        assert_eq!(
            faults.deadline(150, 100, None, &pods),
            Some(500),
            "and nothing can be stored"
        );
    }

    #[test]
    fn what_is_over_at_once_excuses_nothing_afterwards() {
        let pods = BTreeSet::from(["pod-1"]);
        for name in ["backends-terminated", "stream-deleted"] {
            let faults = of_dependency(name);
            assert_eq!(faults.deadline(401, 100, Some("pod-1"), &pods), Some(501), "{name}");
            assert_eq!(faults.deadline(401, 100, None, &pods), Some(501), "{name}");
        }
    }

    #[test]
    fn faults_are_told_apart_by_what_they_leave() {
        let is = |name: &str, of: &dyn Fn(&FaultSpan<'_>) -> bool| of_dependency(name).iter().all(of);
        let refuses_work = |span: &FaultSpan<'_>| span.refuses_work();
        let loses_the_log = |span: &FaultSpan<'_>| span.loses_the_log();
        let leaves_reading = |span: &FaultSpan<'_>| span.leaves_reading();
        for name in [
            "stop",
            "connections-exhausted",
            "read-only",
            "storage-wiped",
            "disk-full",
        ] {
            assert!(is(name, &refuses_work), "{name}");
        }
        for name in ["empty", "backends-terminated", "stream-deleted"] {
            assert!(!is(name, &refuses_work), "{name}");
        }
        assert!(is("storage-wiped", &loses_the_log) && is("stream-deleted", &loses_the_log));
        assert!(!is("stop", &loses_the_log) && !is("read-only", &loses_the_log));
        assert!(is("read-only", &leaves_reading));
        // A broker without room can still be read, but whatever is new does not reach it.
        assert!(!is("stop", &leaves_reading) && !is("disk-full", &leaves_reading));
    }

    #[test]
    fn a_wrong_clock_and_another_version_excuse_nothing() {
        for name in ["clock-shifted", "other-version"] {
            let begins = FaultStep::Aimed {
                thread: None,
                epoch: None,
            };
            let fault = named(name, 1, "pod-1", begins);
            let pods = BTreeSet::from(["pod-1", "pod-2"]);
            let faults = Faults::of([(At { n: 1, us: 100 }, &fault)]);
            let span = faults.iter().next().expect("it was noted");
            assert!(span.is_there(0, 200) && !span.touches(0, 200), "{name}");
            assert_eq!(faults.deadline(150, 100, Some("pod-1"), &pods), Some(250), "{name}");
        }
    }

    #[test]
    fn a_clock_of_survivors_waits_while_there_are_none() {
        let pods = BTreeSet::from(["pod-1", "pod-2"]);
        let begins = || FaultStep::Aimed {
            thread: None,
            epoch: None,
        };
        let both_are_out = [
            (100, step(1, "pod-1", begins())),
            (120, step(2, "pod-2", begins())),
            (400, step(2, "pod-2", FaultStep::Healed)),
            (500, step(1, "pod-1", FaultStep::Healed)),
        ];
        let events = timed(&both_are_out);
        let deadline = |known: usize, from_us| Faults::of(events[..known].to_vec()).deadline(from_us, 50, None, &pods);
        assert_eq!(deadline(1, 100), Some(150), "the other one is there");
        assert_eq!(deadline(2, 100), None, "nobody came back");
        assert_eq!(deadline(4, 100), Some(450), "from the first that is back");
        assert_eq!(deadline(4, 30), Some(80), "over before it began");
        assert_eq!(deadline(4, 420), Some(470));
    }

    #[test]
    fn a_deadline_waits_for_the_pod_to_be_woken() {
        let begins = FaultStep::Aimed {
            thread: None,
            epoch: None,
        };
        let paused = [
            (100, step(1, "pod-1", begins)),
            (400, step(1, "pod-1", FaultStep::Healed)),
        ];
        let events = timed(&paused);
        let pods = BTreeSet::from(["pod-1", "pod-2"]);
        let faults = Faults::of(events[..1].to_vec());
        assert_eq!(faults.deadline(50, 100, Some("pod-1"), &pods), None);
        let faults = Faults::of(events);
        assert_eq!(faults.deadline(50, 100, Some("pod-1"), &pods), Some(500));
        assert_eq!(faults.deadline(50, 100, Some("pod-2"), &pods), Some(150));
        assert_eq!(faults.deadline(500, 100, Some("pod-1"), &pods), Some(600));
        assert_eq!(faults.in_force(1).as_deref(), Some("pause on pod-1 (fault 1)"));
        assert_eq!(faults.in_force(3), None);
    }

    /// Any number of faults, some never healed: whatever is asked of them is what a look at every one of them answers.
    #[test]
    fn what_is_in_force_is_found_whatever_lies_before_it() {
        use rand::{RngExt as _, SeedableRng as _};
        let mut rng = rand::rngs::StdRng::seed_from_u64(7);
        for _ in 0..200 {
            let mut events = Vec::new();
            for id in 0..rng.random_range(0..12) {
                let aimed_us: u64 = rng.random_range(0..100);
                let begins = FaultStep::Aimed {
                    thread: None,
                    epoch: None,
                };
                events.push((aimed_us, step(id, "pod-1", begins)));
                if rng.random_bool(0.9) {
                    events.push((aimed_us + rng.random_range(0..30), step(id, "pod-1", FaultStep::Healed)));
                }
            }
            events.sort_by_key(|(us, _)| *us);
            let faults = Faults::of(timed(&events));
            for from_us in 0..110 {
                let until_us = from_us + rng.random_range(0..20);
                let found: Vec<u32> = faults.during(from_us, until_us).map(|span| span.id).collect();
                let all = faults.iter().filter(|span| span.is_there(from_us, until_us));
                assert_eq!(
                    found,
                    all.map(|span| span.id).collect::<Vec<_>>(),
                    "{from_us}..={until_us}"
                );
            }
        }
    }
}
