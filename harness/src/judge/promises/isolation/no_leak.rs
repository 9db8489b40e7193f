//! Promise 38: when everything is over nothing of it is left.
//!
//! The harness counts what pods and stores still hold, and what the database and the kernel show of the pods: transactions that nobody
//! ends, and connections whose client has hung up. Each of these is a leak. The history itself shows two
//! more: a thread that still has an owner although all its turns are over, and a provider call that is still open
//! long after its turn ended. A pod that does not say what is open on it proves nothing: such a run is inconclusive.
//!
//! A leak that nobody counts shows over rounds of turns: a process that holds more descriptors or memory behind each of them leaks. Most
//! runs play no rounds, and do not get to this.

use std::collections::BTreeSet;

use crate::history::{Bound, Capability};
use crate::judge::facts::growth::Growth;
use crate::judge::view::{At, Breach, Line, View};
use crate::judge::{Clause, Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 38,
    name: "NoLeak",
    statement: "after everything is over no consumer, tail, running turn, child or connection of it is left, no \
                thread without a turn in flight has an owner, no provider call of an ended turn is open, and no pod's \
                process grows in descriptors or memory with every round of turns",
    needs: &[],
    clauses: &[
        Clause {
            name: "what pods count",
            needs: &[Need::Can(Capability::Gauges)],
        },
        Clause {
            name: "no owner is left",
            needs: &[
                Need::Can(Capability::Owner),
                Need::Can(Capability::EveryCommit),
                Need::Within(Bound::Lease),
                Need::Within(Bound::Takeover),
            ],
        },
        Clause {
            name: "no call is left",
            needs: &[
                Need::Can(Capability::ProviderJournal),
                Need::Within(Bound::Lease),
                Need::Within(Bound::Takeover),
            ],
        },
        Clause {
            name: "no process grows by the turn",
            needs: &[Need::Rounds],
        },
    ],
    has_more: false,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let counted = view.leftovers.iter().filter(|left| left.count > 0).map(|left| Breach {
        subject: left.pod.map_or("the cluster".into(), ToString::to_string),
        thread: None,
        n: left.at.n,
        expected: format!("no {} left", left.what),
        got: left.count.to_string(),
    });
    let mut breaches: Vec<Breach> = counted.collect();
    breaches.extend(view.growths().iter().map(grown));
    if let Some(quiesced) = view.ending.quiesced {
        let lines = view.lines();
        breaches.extend(lines.iter().filter_map(|line| orphan_lease(view, line, quiesced)));
        breaches.extend(open_calls(view, quiesced));
    }
    breaches
}

fn grown(growth: &Growth<'_>) -> Breach {
    let held: Vec<String> = growth.held.iter().map(u64::to_string).collect();
    Breach {
        subject: growth.pod.to_owned(),
        thread: None,
        n: growth.at.n,
        expected: format!("no more {} after every round of turns", growth.what),
        got: format!(
            "{} after rounds of {} turns on {} pods",
            held.join(", "),
            growth.turns,
            growth.pods
        ),
    }
}

/// A count that the history lacks, in words: no pod was counted, or one pod tells less than another. What nobody has counted may be left.
pub(in crate::judge) fn uncounted(view: &View<'_>) -> Option<String> {
    if !view.can(Capability::Gauges) {
        return None;
    }
    let counted = view
        .leftovers
        .iter()
        .filter_map(|left| Some((left.pod?.as_str(), left.what)));
    let counted: BTreeSet<(&str, &str)> = counted.collect();
    let gauges: BTreeSet<&str> = counted.iter().map(|(_, what)| *what).collect();
    let pods = view.pods_at_first();
    if gauges.is_empty() {
        return pods
            .first()
            .map(|_| "no pod said what is open on it in the end".to_owned());
    }
    let missing = pods
        .iter()
        .flat_map(|pod| gauges.iter().map(move |what| (pod.as_str(), *what)));
    let (pod, what) = missing.into_iter().find(|missing| !counted.contains(missing))?;
    Some(format!("{pod} did not say how many {what} there are on it in the end"))
}

/// Longest that something may take to go after its turn is over.
fn patience_us(view: &View<'_>) -> u64 {
    (view.bounds.lease_ms + view.bounds.takeover_ms) * 1000
}

fn orphan_lease(view: &View<'_>, line: &Line<'_, '_>, quiesced: At) -> Option<Breach> {
    let owned = line.owners.last().filter(|owned| owned.owner.is_some())?;
    let turns = match &line.turn {
        Some(turn) => std::slice::from_ref(turn),
        None => &view.threads[line.thread].turns[..],
    };
    let ends = turns
        .iter()
        .map(|turn| view.turns[*turn].terminal().map(|row| row.at.us));
    let over_us = ends.collect::<Option<Vec<u64>>>()?.into_iter().max()?.max(owned.at.us);
    // A column that keeps its last owner says nothing once the turn is over.
    let is_meant = view.can(Capability::EveryCommit) && !view.rules.owner_is_kept;
    if !is_meant || quiesced.us.saturating_sub(over_us) <= patience_us(view) {
        return None;
    }
    Some(Breach {
        subject: view.line_name(line),
        thread: Some(line.thread),
        n: owned.at.n,
        expected: "no owner, since all its turns are over".into(),
        got: owned.label(),
    })
}

fn open_calls<'v>(view: &'v View<'_>, quiesced: At) -> impl Iterator<Item = Breach> + 'v {
    view.turns.iter().filter_map(move |turn| {
        let over = turn.terminal()?.at;
        let mut calls = turn.calls.iter().map(|call| &view.calls[*call]);
        let call = calls.find(|call| call.started.is_some() && call.ended.is_none())?;
        let is_excused = view.is_excused(call.pod.map(crate::history::PodName::as_str), over.us, quiesced.us);
        if quiesced.us.saturating_sub(over.us) <= patience_us(view) || is_excused {
            return None;
        }
        Some(Breach {
            subject: format!("provider call {} for turn {}", call.ordinal, turn.id),
            thread: turn.thread,
            n: call.started?.n,
            expected: "an end when its turn ended".into(),
            got: format!("open {} ms later", (quiesced.us - over.us) / 1000),
        })
    })
}

#[cfg(test)]
mod tests {
    use crate::history::{Began, Capability, Footprint, PodEvent, RunEvent, Status, What};
    use crate::judge::testing::{Play, began, call_ends, takeover, thread_row};
    use crate::verdict::Verdict;

    const NAME: &str = "NoLeak";

    fn left(count: u64) -> What {
        What::Pod(PodEvent::LeftAfter {
            pod: Some("pod-2".into()),
            what: "open tails".into(),
            count,
        })
    }

    #[test]
    fn nothing_left_is_accepted() {
        let mut play = takeover();
        play.put(14_950, left(0));
        play.passes();
    }

    #[test]
    fn a_pod_that_does_not_say_what_is_open_proves_nothing() {
        let of = |what: &What| match what {
            What::Pod(PodEvent::LeftAfter { pod, .. }) => pod.clone(),
            _ => None,
        };
        let is_of = |pod: &'static str| move |what: &What| of(what).is_some_and(|of| of.as_str() == pod);
        let mut play = takeover();
        play.without(is_of("pod-2"));
        let judgement = play.judged();
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        let reason = judgement.reason.expect("a reason");
        assert_eq!(
            reason,
            "pod-2 did not say how many open tails there are on it in the end"
        );
        play.without(is_of("pod-1")).without(is_of("pod-3"));
        let reason = play.judged().reason.expect("a reason");
        assert_eq!(reason, "no pod said what is open on it in the end");
    }

    #[test]
    fn whatever_is_left_is_found() {
        let mut play = takeover();
        play.put(14_950, left(2));
        let finding = play.breaks(NAME);
        assert_eq!(
            (finding.subject.as_str(), finding.expected.as_str()),
            ("pod-2", "no open tails left")
        );
        assert_eq!(finding.got, "2");
    }

    /// Numbers of the processes of the three pods.
    const PROCESSES: [u32; 3] = [71, 72, 73];

    fn footprint(pod: usize, process: u32, round: u32, (descriptors, memory_kib): (u64, u64)) -> What {
        What::Pod(PodEvent::Footprint(Footprint {
            pod: format!("pod-{}", pod + 1).as_str().into(),
            process,
            round,
            turns: 12,
            descriptors: Some(descriptors),
            memory_kib,
        }))
    }

    /// The good run with rounds of twelve turns, behind each of which pod-2 holds so much. The other pods hold the same all the time.
    fn rounds(held: &[(u64, u64)]) -> Play {
        let mut play = takeover();
        for (round, held) in (1..).zip(held) {
            for (pod, process) in PROCESSES.into_iter().enumerate() {
                let held = if pod == 1 { *held } else { (20, 5_000) };
                play.put(14_950, footprint(pod, process, round, held));
            }
        }
        play
    }

    #[test]
    fn a_process_that_grows_and_then_stays_is_accepted() {
        let accepted: [&[(u64, u64)]; 6] = [
            // A pool fills to its end.
            &[(20, 5_000), (30, 9_000), (34, 9_400), (36, 9_400), (36, 9_400)],
            // A cache is filled once, late.
            &[(20, 5_000), (20, 5_000), (20, 5_000), (60, 90_000), (60, 90_000)],
            // Memory is freed now and then.
            &[(20, 5_000), (20, 6_000), (20, 7_000), (20, 5_500), (20, 6_500)],
            // A connection more now and then, and a little memory each time, is less than turns would leave.
            &[(20, 5_000), (20, 5_000), (21, 5_255), (22, 5_510), (23, 5_765)],
            // The warm-up may do whatever it likes.
            &[(20, 5_000), (90, 90_000), (90, 90_000), (90, 90_000), (90, 90_000)],
            // Rounds are too few to tell a leak from a pool.
            &[(20, 5_000), (24, 9_000), (28, 13_000), (32, 17_000)],
        ];
        for held in accepted {
            rounds(held).passes();
        }
    }

    #[test]
    fn a_process_that_opens_a_descriptor_for_every_other_turn_and_more_is_found() {
        let finding = rounds(&[(20, 5_000), (20, 5_000), (22, 5_000), (24, 5_000), (27, 5_000)]).breaks(NAME);
        assert_eq!(finding.subject, "pod-2");
        assert_eq!(finding.expected, "no more descriptors after every round of turns");
        assert_eq!(finding.got, "20, 22, 24, 27 after rounds of 12 turns on 3 pods");
    }

    #[test]
    fn a_process_whose_memory_keeps_up_with_its_turns_is_found() {
        let finding = rounds(&[(20, 9_000), (20, 5_000), (20, 5_256), (20, 5_512), (20, 9_000)]).breaks(NAME);
        assert_eq!(finding.subject, "pod-2");
        assert_eq!(finding.expected, "no more KiB of memory after every round of turns");
        assert_eq!(finding.got, "5000, 5256, 5512, 9000 after rounds of 12 turns on 3 pods");
    }

    /// Rounds behind which pod-2 holds four more descriptors each.
    const LEAKS: [(u64, u64); 6] = [
        (20, 5_000),
        (24, 5_000),
        (28, 5_000),
        (32, 5_000),
        (36, 5_000),
        (40, 5_000),
    ];

    #[test]
    fn a_pod_that_was_started_again_begins_anew() {
        rounds(&LEAKS).breaks(NAME);
        let mut play = rounds(&LEAKS);
        for round in 4..=6 {
            let held = LEAKS[round - 1];
            let round = u32::try_from(round).expect("a small number");
            play.turn_into(&footprint(1, PROCESSES[1], round, held), footprint(1, 99, round, held));
        }
        play.keeps(NAME);
    }

    #[test]
    fn growth_over_a_round_that_was_not_read_belongs_to_nobody_knows_how_many_turns() {
        let mut play = rounds(&LEAKS);
        play.without(|what| *what == footprint(1, PROCESSES[1], 4, LEAKS[3]));
        play.keeps(NAME);
    }

    #[test]
    fn descriptors_that_the_kernel_does_not_show_leave_memory_to_be_judged() {
        let unseen = |play: &mut Play| {
            play.change(|what| match what {
                What::Pod(PodEvent::Footprint(seen)) => Some(What::Pod(PodEvent::Footprint(Footprint {
                    descriptors: None,
                    ..seen.clone()
                }))),
                _ => None,
            });
        };
        let mut play = rounds(&LEAKS);
        unseen(&mut play);
        play.passes();
        let mut play = rounds(&LEAKS.map(|(descriptors, _)| (descriptors, descriptors * 1_000)));
        unseen(&mut play);
        assert_eq!(play.findings(NAME).len(), 1);
    }

    #[test]
    fn a_run_without_rounds_does_not_get_to_growth_and_one_with_them_is_judged_by_it_alone() {
        let bare = |play: &mut Play| {
            let began = Began {
                capabilities: vec![Capability::Owner],
                ..began()
            };
            play.change(|what| match what {
                What::Run(RunEvent::Began(_)) => Some(What::Run(RunEvent::Began(began.clone().into()))),
                _ => None,
            });
        };
        let is_lacking = |play: &Play| {
            let lacking = play.judged().not_applicable;
            lacking.into_iter().any(|lack| lack.promise == NAME)
        };
        let mut without = takeover();
        bare(&mut without);
        assert!(is_lacking(&without));
        let mut with = rounds(&LEAKS);
        bare(&mut with);
        assert!(!is_lacking(&with));
        assert_eq!(with.findings(NAME).len(), 1);
        assert_eq!(takeover().judged().judged_in_part, vec![]);
    }

    #[test]
    fn a_thread_that_keeps_its_owner_is_found() {
        let mut play = takeover();
        play.turn_into(
            &thread_row(99, None, 2, Status::Completed),
            thread_row(99, Some("pod-2"), 2, Status::Completed),
        );
        assert_eq!(play.breaks(NAME).got, "pod-2 at epoch 2");
        // Too soon to tell.
        play.move_to(2_000, &What::Run(RunEvent::Quiesced));
        play.keeps(NAME);
    }

    #[test]
    fn a_call_that_nobody_ends_is_found_unless_its_pod_is_broken() {
        let mut play = takeover();
        play.without(|what| *what == call_ends(2, "pod-2", "complete"));
        assert_eq!(play.breaks(NAME).subject, "provider call 2 for turn turn-1");
        let pause = crate::judge::testing::fault(2, "pause", "pod-2", crate::judge::testing::aimed());
        play.put(1_226, pause);
        play.keeps(NAME);
    }
}
