//! CPU starvation as an excuse: time in which the machine kept the system from a CPU is nobody's fault.
//!
//! A part that could run and gets no CPU is like a frozen one. So each such stretch becomes a fault that is
//! healed at its end, and every promise excuses it like any other fault. Such faults are added only to a view
//! that is judged a second time ([`View::excuse_starvation`]): a breach that remains is certain, and the others
//! are unclear.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::history::{Effect, Excuses};
use crate::judge::view::View;
use crate::judge::view::at::At;
use crate::judge::view::faults::FaultSpan;
use crate::judge::view::slow::{Slow, Stretch};

/// The effect of CPU starvation on a pod.
static POD_STARVES: Effect = Effect::excusing(Excuses::ItsTarget);
/// The effect of CPU starvation on something that every pod depends on.
static ALL_STARVE: Effect = Effect::excusing(Excuses::Everyone);

/// Least share of a stretch that a part waits to count as starved, in thousandths. Below it an owner still renews
/// its lease in time. On two processors one stretch in sixty is such with three clusters side by side, and most
/// are with seven.
const STARVED_SHARE: u64 = 750;

/// Least sum of a pod's own share and of the two largest among what it depends on, from which the pod counts as
/// starved: a beat that waits in the pod, in the fault proxy and in the store takes as long as one that waits for
/// most of the time in one of them. On a quiet machine as few stretches are such as reach [`STARVED_SHARE`].
const STARVED_CHAIN_SHARE: u64 = 1750;

impl<'a> Stretch<'a> {
    /// The waits since `since_us`, the end of the stretch before, as far as other load explains them. A pod that
    /// the play itself throttles or keeps away is left out.
    fn slow(&self, since_us: u64, view: &View<'a>) -> Slow<'a> {
        let explained_us = view.explained_us(self);
        let share = |us: u64| us.min(explained_us).saturating_mul(1000) / self.over_us.max(1);
        let shares = self.waited_us.iter().map(|(part, us)| (part.as_str(), share(*us)));
        let (pods, others): (BTreeMap<&str, u64>, BTreeMap<&str, u64>) =
            shares.partition(|(part, _)| view.pods.contains(part));
        let mut others: Vec<u64> = others.into_values().collect();
        others.sort_unstable_by_key(|share| Reverse(*share));
        Slow {
            from_us: self.at.us.saturating_sub(self.over_us).max(since_us),
            until_us: self.at.us,
            all: others.first().copied().unwrap_or_default(),
            behind: others.iter().take(2).sum(),
            pods: pods.into_iter().filter(|(pod, _)| self.could_act(pod, view)).collect(),
        }
    }

    /// True unless a fault throttled the part, or kept it away for the whole stretch.
    fn could_act(&self, part: &str, view: &View<'_>) -> bool {
        let (from_us, until_us) = (self.begins_us(), self.at.us);
        let is_all_along = |fault: &FaultSpan<'_>| {
            fault.aimed.us <= from_us && fault.healed.is_none_or(|healed| healed.us >= until_us)
        };
        let mut faults = view
            .faults
            .during(from_us, until_us)
            .filter(|fault| fault.target == part);
        !faults.any(|fault| fault.effect.throttles || fault.takes_its_target_away() && is_all_along(fault))
    }
}

impl<'a> View<'a> {
    /// Treats each stretch in which a pod, or something that it depends on, was starved of CPU as one in
    /// which it was frozen, and lets no bound count time in which somebody waited. Returns false if nobody
    /// did.
    pub(crate) fn excuse_starvation(&mut self) -> bool {
        let (mut spans, mut slow) = (Vec::new(), Vec::new());
        let mut since_us = 0;
        for stretch in &self.starvation {
            let step = stretch.slow(since_us, self);
            since_us = step.until_us;
            let from = At {
                n: stretch.at.n,
                us: stretch.begins_us(),
            };
            let kept = |target: &'a str, effect| FaultSpan::of_starvation(target, effect, from, stretch.at);
            if step.all >= STARVED_SHARE {
                // All pods depend on what is no pod.
                spans.push(kept("the machine", &ALL_STARVE));
            }
            let is_starved = |share: u64| share >= STARVED_SHARE || share + step.behind >= STARVED_CHAIN_SHARE;
            let pods = step.pods.iter().filter(|(_, share)| is_starved(**share));
            spans.extend(pods.map(|(pod, _)| kept(pod, &POD_STARVES)));
            slow.push(step);
        }
        slow.retain(|step| step.share(None) > 0);
        let is_any = !slow.is_empty();
        self.faults.slow_down(spans, slow);
        is_any
    }

    /// The longest wait of anybody for a CPU, in words.
    pub(crate) fn worst_starvation(&self) -> Option<String> {
        let worst = self.starvation.iter().max_by_key(|stretch| stretch.longest_us());
        worst.map(Stretch::describe)
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{FaultStep, Status, StoreEvent, WatcherEvent, What};
    use crate::judge::testing::{
        FRIENDLY, Play, aimed, call_starts, fault, load, observed, part, starved, taken_from_a_live_owner, takeover,
        thread_row, token,
    };
    use crate::judge::view::View;
    use crate::verdict::{Finding, Verdict};

    /// Counts the certain findings against a promise, and those that CPU starvation may explain.
    fn counts(play: &Play, promise: &str) -> (usize, usize) {
        let judged = play.judged();
        let count = |findings: &[Finding]| findings.iter().filter(|finding| finding.promise == promise).count();
        (count(&judged.findings), count(&judged.starved))
    }

    const NAME: &str = "NoFriendlyFire";

    #[test]
    fn parts_that_an_owner_speaks_through_in_turn_excuse_it_together() {
        let waits = |owner, bystander, links, postgres| {
            [
                ("pod-1", owner),
                ("pod-2", bystander),
                ("links", links),
                ("postgres", postgres),
            ]
        };
        // Of 250 ms: 1.76 and 1.68 of the stretch, and enough of it for a pod that does not own the run.
        for (waits, found) in [
            (waits(160, 0, 140, 140), (0, 1)),
            (waits(140, 0, 140, 140), (1, 0)),
            (waits(100, 160, 140, 140), (1, 0)),
        ] {
            let mut play = taken_from_a_live_owner(FRIENDLY);
            play.put(230, starved(&waits));
            assert_eq!(counts(&play, NAME), found, "{waits:?}");
        }
    }

    #[test]
    fn what_befalls_an_owner_without_a_processor_is_unclear() {
        for part in ["pod-1", "postgres", "harness"] {
            let mut play = taken_from_a_live_owner(FRIENDLY);
            assert_eq!(counts(&play, NAME), (1, 0));
            play.put(230, starved(&[(part, 188)]));
            assert_eq!(counts(&play, NAME), (0, 1), "{part}");
        }
    }

    #[test]
    fn a_run_with_nothing_but_that_is_inconclusive_and_says_why() {
        let mut play = takeover();
        play.without(|what| matches!(what, What::Fault(_)));
        let all = play.judged();
        assert_eq!(all.verdict, Verdict::Fail);
        play.put(1_190, starved(&[("pod-1", 1_180), ("nats", 40)]));
        let judged = play.judged();
        assert_eq!((judged.verdict, judged.findings), (Verdict::Inconclusive, vec![]));
        let got = |findings: &[Finding]| findings.iter().map(|found| found.got.clone()).collect::<Vec<_>>();
        assert_eq!(got(&judged.starved), got(&all.findings));
        let reason = judged.reason.expect("a reason");
        assert!(reason.contains(&all.findings[0].got), "{reason}");
        for part in [
            "waited for a CPU in the 250 ms before event ",
            ": pod-1 1180 ms, nats 40 ms",
        ] {
            assert!(reason.contains(part), "{reason}");
        }
    }

    #[test]
    fn who_got_most_of_the_time_and_who_is_not_concerned_excuse_nothing() {
        for waits in [&[("pod-1", 187), ("nats", 180)][..], &[("pod-2", 250), ("pod-1", 20)]] {
            let mut play = taken_from_a_live_owner(FRIENDLY);
            play.put(230, starved(waits));
            assert_eq!(counts(&play, NAME), (1, 0), "{waits:?}");
        }
        // Long before, and it was at work again since; long after, and it was still.
        for (ms, found) in [(300, (1, 0)), (1_200, (0, 1))] {
            let mut play = taken_from_a_live_owner(3_000);
            play.put(1_500, part(39, 1, 6, token(1, 6)))
                .put(2_500, part(39, 1, 7, token(1, 6)))
                .put(ms, starved(&[("pod-1", 250)]));
            assert_eq!(counts(&play, NAME), found, "{ms}");
        }
        let mut play = taken_from_a_live_owner(FRIENDLY);
        play.put(9_000, starved(&[("pod-1", 250)]));
        assert_eq!(counts(&play, NAME), (1, 0));
    }

    #[test]
    fn a_long_wait_began_before_its_stretch() {
        let mut play = taken_from_a_live_owner(FRIENDLY);
        play.put(3_200, starved(&[("pod-1", 3_000)]));
        assert_eq!(counts(&play, NAME), (0, 1));
    }

    /// The good run, in which the takeover comes at 3 s and the bound for it ends at 2.1 s.
    fn late_takeover() -> Play {
        let mut play = takeover();
        let later = |what: &What| {
            matches!(
                what,
                What::Store(StoreEvent::Row { .. }) | What::Provider(_) | What::Watcher(WatcherEvent::Frame { .. })
            )
        };
        play.without_from(1199, later)
            .put(3_000, thread_row(40, Some("pod-2"), 2, Status::InProgress))
            .put(3_001, call_starts(2, "pod-2"));
        play
    }

    #[test]
    fn a_bound_counts_from_the_end_of_starvation() {
        const NAME: &str = "BoundedTakeover";
        assert_eq!(counts(&late_takeover(), NAME), (1, 0));
        let mut play = late_takeover();
        play.put(1_500, starved(&[("pod-3", 200)]));
        assert_eq!(counts(&play, NAME), (0, 1));
        let mut play = late_takeover();
        play.put(700, starved(&[("pod-3", 200)]));
        assert_eq!(counts(&play, NAME), (1, 0), "over long before");
    }

    #[test]
    fn no_bound_counts_time_that_was_waited_for_a_processor() {
        // 900 of the 2961 ms would have to be waited for.
        for (waited, found) in [(110, (0, 1)), (60, (1, 0))] {
            let mut play = late_takeover();
            for ms in (250..3_000).step_by(250) {
                play.put(ms, starved(&[("links", waited), ("pod-2", 20)]));
            }
            assert_eq!(counts(&play, "BoundedTakeover"), found, "{waited} of 250 ms");
        }
    }

    #[test]
    fn what_nobody_does_for_want_of_time_is_found_all_the_same() {
        let mut play = takeover();
        play.without(|what| *what == part(44, 2, 4, token(2, 4)))
            .put(1_300, starved(&[("pod-2", 250), ("postgres", 250)]));
        assert_eq!(counts(&play, "FinalTextExactlyOnce"), (1, 0));
        assert_eq!(play.judged().verdict, Verdict::Fail);
    }

    #[test]
    fn want_of_a_processor_alone_is_nothing() {
        let mut play = takeover();
        play.put(1_190, starved(&[("pod-1", 1_180), ("nats", 240)]));
        play.passes();
    }

    /// One stretch in which pod-1 waited for all of it, and the load of its 250 ms on two processors: time idle, and what pod-1 ran
    /// and what of its threads took whatever they were given.
    fn starved_beside(play: &mut Play, ms: u64, (idle, ran, greedy): (u64, u64, u64)) {
        play.put(ms, load(250, idle, &[("pod-1", ran, greedy)]))
            .put(ms, starved(&[("pod-1", 250)]));
    }

    #[test]
    fn a_system_that_keeps_every_processor_busy_itself_is_excused_nothing() {
        // Other load leaves too little to pods that want a little; pods want all that there is; the same, and others want it too;
        // the processors have nothing to do, so that something else kept the thread from them.
        let loads = [
            ((0, 40, 0), (0, 1)),
            ((10, 460, 700), (1, 0)),
            ((0, 150, 750), (1, 0)),
            ((440, 40, 0), (1, 0)),
        ];
        for (told, found) in loads {
            let mut play = taken_from_a_live_owner(FRIENDLY);
            starved_beside(&mut play, 230, told);
            assert_eq!(counts(&play, NAME), found, "{told:?}");
        }
    }

    #[test]
    fn no_part_is_excused_for_longer_than_other_load_ran() {
        // A stretch counts as frozen from three quarters of it on: 188 of 250 ms.
        for (ran, found) in [(312, (0, 1)), (313, (1, 0))] {
            let mut play = taken_from_a_live_owner(FRIENDLY);
            starved_beside(&mut play, 230, (0, ran, 0));
            assert_eq!(counts(&play, NAME), found, "{ran}");
        }
    }

    #[test]
    fn the_load_of_another_stretch_says_nothing_of_this_one() {
        let mut play = taken_from_a_live_owner(FRIENDLY);
        play.put(230, starved(&[("pod-1", 250)]))
            .put(480, load(250, 0, &[("pod-1", 500, 750)]));
        assert_eq!(counts(&play, NAME), (0, 1));
    }

    #[test]
    fn a_pod_that_was_away_all_along_did_not_want_for_a_processor() {
        for (from_ms, until_ms, is_excused) in [(700, 1_501, false), (700, 1_400, true), (1_300, 1_501, true)] {
            let mut play = late_takeover();
            play.put(from_ms, fault(2, "pause", "pod-3", aimed()))
                .put(from_ms, fault(2, "pause", "pod-3", observed()))
                .put(until_ms, fault(2, "pause", "pod-3", FaultStep::Healed))
                .put(1_500, starved(&[("pod-3", 250)]));
            assert_eq!(View::of(&play.history()).excuse_starvation(), is_excused, "{from_ms}");
        }
    }

    #[test]
    fn a_pod_that_is_throttled_on_purpose_is_not_starved() {
        let mut play = takeover();
        play.put(1_210, fault(2, "cpu-throttled", "pod-2", aimed()))
            .put(1_211, fault(2, "cpu-throttled", "pod-2", observed()))
            .put(1_400, starved(&[("pod-2", 250)]));
        assert!(!View::of(&play.history()).excuse_starvation());
        play.put(1_400, starved(&[("pod-3", 250)]));
        assert!(View::of(&play.history()).excuse_starvation());
    }
}
