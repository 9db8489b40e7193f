//! Promise 44: a pod without work hardly uses a CPU.
//!
//! Time is left out in which somebody asked the pod anything, was shown something through it or broke something. CPU starvation is no
//! excuse: a pod that gets less of a CPU than it wants uses less, never more.

use crate::judge::facts::idle_pods::Idle;
use crate::judge::view::{Breach, View};
use crate::judge::{Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 44,
    name: "BoundedIdleWork",
    statement: "a pod without turns or requests, whose few open tails are shown nothing, uses less than the stated share of a CPU",
    needs: &[Need::IdleCpu],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let Some(bound) = view.promised.idle_cpu_permille.map(u64::from) else {
        return Vec::new();
    };
    let mut breaches: Vec<Breach> = Vec::new();
    for idle in view.idle_stretches().iter().filter(|idle| idle.permille() >= bound) {
        if !breaches.iter().any(|known| known.subject == idle.pod) {
            breaches.push(breach(idle, bound));
        }
    }
    breaches
}

fn breach(idle: &Idle<'_>, bound: u64) -> Breach {
    let percent = |permille: u64| format!("{}.{} %", permille / 10, permille % 10);
    Breach {
        subject: idle.pod.to_owned(),
        thread: None,
        n: idle.at.n,
        expected: format!("less than {} of a CPU while nobody asks anything", percent(bound)),
        got: format!("{} over {} ms", percent(idle.permille()), idle.over_us / 1000),
    }
}

#[cfg(test)]
mod tests {
    use std::ops::RangeInclusive;

    use crate::history::{FaultStep, Raw, Status, TailEnd, WatcherEvent, WatcherId, What};
    use crate::judge::testing::{
        Play, accepted, aimed, closed, died, fault, load, opened, polled, posted, starved, state, takeover, turn_row,
    };

    const NAME: &str = "BoundedIdleWork";

    /// The good run, whose end is quiet from 1.403 s on but for its tails, which leave then; each quarter of a second pod-2 runs for
    /// `ran_ms` from 3 s to 7 s.
    fn idle(ran_ms: u64) -> Play {
        let mut play = takeover();
        for watcher in 2..=5 {
            play.move_to(1_404, &closed(watcher, TailEnd::Left));
        }
        for ms in (3_000..=7_000).step_by(250) {
            play.put(
                ms,
                load(250, 0, &[("pod-1", 1, 0), ("pod-2", ran_ms, 0), ("postgres", 250, 250)]),
            );
        }
        play
    }

    fn is_reached(play: &Play) -> bool {
        let judged = play.judged();
        !judged.not_reached.iter().any(|promise| promise.promise == NAME)
    }

    #[test]
    fn a_pod_that_hardly_runs_is_accepted() {
        let play = idle(12);
        play.passes();
        assert!(is_reached(&play));
    }

    #[test]
    fn a_pod_that_runs_without_work_is_found_by_its_name() {
        let found = idle(13).findings(NAME);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (
                found[0].subject.as_str(),
                found[0].expected.as_str(),
                found[0].got.as_str()
            ),
            (
                "pod-2",
                "less than 5.0 % of a CPU while nobody asks anything",
                "5.2 % over 4250 ms"
            )
        );
    }

    /// That play with open tails on pod-2, each of which is sent a keepalive each half a second.
    fn with_tails(ran_ms: u64, watchers: RangeInclusive<u32>, keepalive: &str) -> Play {
        let mut play = idle(ran_ms);
        for watcher in watchers {
            play.put(1_403, opened(watcher, "pod-2", None));
            for ms in (1_500..=7_000).step_by(500) {
                let raw = Raw::Utf8(keepalive.to_owned());
                let watcher = WatcherId(watcher);
                play.put(ms, What::Watcher(WatcherEvent::Bytes { watcher, raw }));
            }
        }
        play
    }

    #[test]
    fn a_tail_that_is_shown_nothing_but_keepalives_is_no_work() {
        for keepalive in [": keepalive\n\n", "event: ping\ndata: {}\n\n"] {
            for last in [9, 12] {
                let found = with_tails(100, 9..=last, keepalive).findings(NAME);
                assert_eq!(found.len(), 1, "{found:?}");
                assert_eq!(found[0].subject, "pod-2");
                let idle = with_tails(12, 9..=last, keepalive);
                assert_eq!(idle.findings(NAME), vec![]);
                assert!(is_reached(&idle), "{keepalive:?}");
            }
        }
    }

    #[test]
    fn a_tail_that_is_shown_frames_is_work() {
        let mut play = with_tails(100, 9..=9, ": keepalive\n\n");
        for ms in (1_500..=7_000).step_by(500) {
            play.put(ms, state(9, Status::Completed, Some("turn-1")));
        }
        assert_eq!(play.findings(NAME), vec![]);
        assert!(!is_reached(&play));
    }

    #[test]
    fn a_starved_pod_is_not_excused() {
        let mut play = idle(100);
        for ms in (3_000..=7_000).step_by(250) {
            play.put(ms, starved(&[("pod-2", 250), ("postgres", 250)]));
        }
        assert_eq!(play.breaks(NAME).got, "40.0 % over 4250 ms");
    }

    #[test]
    fn work_and_what_is_left_of_it_leaves_nothing_to_judge() {
        let spoil: [fn(&mut Play); 8] = [
            // More tails are open than a few.
            |play| (9..14).for_each(|watcher| _ = play.put(1_403, opened(watcher, "pod-2", None))),
            // Somebody asks something.
            |play| _ = play.put(4_500, polled("pod-2", true)),
            // A container ended.
            |play| _ = play.put(4_500, died("pod-3", 137)),
            // A message is on its way.
            |play| _ = play.put(1_404, posted(7, "t-1", "m-7", "key-7")),
            // A turn is in flight.
            |play| {
                play.put(1_404, posted(7, "t-1", "m-7", "key-7"))
                    .put(1_405, accepted(7, "turn-7"))
                    .put(1_406, turn_row(120, "turn-7", 3, Status::InProgress));
            },
            // Something is broken.
            |play| _ = play.put(1_404, fault(2, "pause", "pod-2", aimed())),
            // The quiet is too short to be judged.
            |play| _ = play.put(5_500, polled("pod-1", true)).put(2_900, polled("pod-1", true)),
            // Nothing is told of the load.
            |play| _ = play.without(|what| matches!(what, What::Machine(_))),
        ];
        for (number, spoil) in spoil.into_iter().enumerate() {
            let mut play = idle(100);
            spoil(&mut play);
            assert_eq!(play.findings(NAME), vec![], "{number}");
        }
    }

    #[test]
    fn a_run_without_a_quiet_stretch_does_not_reach_it() {
        let mut play = idle(100);
        for ms in [3_000, 5_000, 7_000, 9_000, 11_000, 13_000] {
            play.put(ms, polled("pod-1", true));
        }
        assert!(!is_reached(&play));
        play.passes();
    }

    #[test]
    fn a_fault_that_is_over_excuses_nothing_later() {
        let mut play = idle(100);
        play.put(1_404, fault(2, "pause", "pod-2", aimed()))
            .put(1_405, fault(2, "pause", "pod-2", FaultStep::Healed));
        play.put(1_406, polled("pod-2", true));
        assert_eq!(play.findings(NAME).len(), 1);
    }
}
