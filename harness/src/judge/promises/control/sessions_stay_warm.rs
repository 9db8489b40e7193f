//! Promise 48: a pod says of a post that its session had to be built, and keeps a session that is in use.
//!
//! The idle time of a session is the lifetime of the cookie that leads to it. A warm session is due for the first half of it only: the
//! end of a turn and the next post are seen some time after the pod has seen them, and a pod may end sessions at looks of its own.
//! The rest begins with the provider's last word, which no pod can have read later than its answer ended. Nothing is held against a
//! session that is kept for longer than it need be. [`session_starts`](crate::judge::facts::session_starts) says which posts count.

use std::collections::BTreeSet;

use crate::history::Capability;
use crate::judge::facts::session_starts::{Session, SessionStart};
use crate::judge::view::{Breach, View};
use crate::judge::{Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 48,
    name: "SessionsStayWarm",
    statement: "the answer to a thread's first post on a pod says that a session was built, and a post within half of the idle time \
                after a turn that the same pod answered finds the session warm",
    needs: &[
        Need::Can(Capability::Edge),
        Need::Can(Capability::ColdStart),
        Need::Can(Capability::Owner),
    ],
    clauses: &[],
    has_more: true,
    judge,
};

/// The part of the idle time for which a session is surely warm: one of so many.
const SURELY_WARM: u64 = 2;

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut reported = BTreeSet::new();
    let starts = view.session_starts().into_iter();
    let breaches = starts.filter_map(|start| breach(view, &start));
    breaches
        .filter(|breach| reported.insert((breach.subject.clone(), breach.expected.clone())))
        .collect()
}

fn breach(view: &View<'_>, start: &SessionStart<'_>) -> Option<Breach> {
    let pod = start.pod;
    let told_ms = start.request.routed.cold_start_ms;
    let (expected, got) = match (start.session, told_ms) {
        (Session::Missing, None) => (
            format!("a word of the session that was built, for the post is the first of its thread on {pod}"),
            format!("none, with {}", start.request.answer()),
        ),
        (Session::Warm { rested_us, kept_us }, Some(ms)) if rested_us <= kept_us / SURELY_WARM => (
            format!("a warm session, which {pod} keeps for {} ms", kept_us / 1000),
            format!(
                "one that was built in {ms} ms for turn {}, {} ms after the turn before",
                start.turn,
                rested_us / 1000
            ),
        ),
        _ => return None,
    };
    Some(Breach {
        subject: format!("thread {} on {pod}", view.threads[start.thread].id),
        thread: Some(start.thread),
        n: start.request.at.n,
        expected,
        got,
    })
}

#[cfg(test)]
mod tests {
    use crate::history::{Accepted, ClientEvent, FaultStep, OpId, Outcome, Routed, Status, StoreEvent, What};
    use crate::judge::testing::edge::{answered, edge_play};
    use crate::judge::testing::{
        Play, accepted, aimed, call, cancelled, died, fault, observed, posted, starved, thread_row, turn_row,
    };
    use crate::verdict::Verdict;

    const NAME: &str = "SessionsStayWarm";
    /// From a post to the end of its turn.
    const TURN_MS: u64 = 100;

    /// The answer of a pod to a post, with the time that its session took to be built.
    fn told(pod: &str, cold_start_ms: Option<u64>) -> Routed {
        Routed {
            method: "POST".into(),
            status: Some(202),
            cold_start_ms,
            ..answered("secure", pod).to("/v1/threads/t-1/messages")
        }
    }

    /// A post that is answered by `pod` 10 ms later.
    fn post(play: &mut Play, ms: u64, no: u32, pod: &str, cold_start_ms: Option<u64>) {
        let outcome = Outcome::Ok(Accepted {
            turn: format!("turn-{no}").as_str().into(),
            pod: pod.into(),
            tail: None,
        });
        let op = OpId(no);
        play.put(ms, posted(no, "t-1", &format!("m-{no}"), &format!("key-{no}")))
            .ask(ms + 10, told(pod, cold_start_ms))
            .put(ms + 11, What::Client(ClientEvent::PostEnded { op, outcome }));
    }

    /// A turn that its pod begins 20 ms and ends 100 ms after the post.
    fn turn(play: &mut Play, ms: u64, no: u32, pod: &str, cold_start_ms: Option<u64>) {
        post(play, ms, no, pod, cold_start_ms);
        run(play, ms, no, pod, Status::Completed);
    }

    fn run(play: &mut Play, ms: u64, no: u32, pod: &str, end: Status) {
        let (epoch, name, begins) = (u64::from(no), format!("turn-{no}"), Status::InProgress);
        let xid = epoch * 10;
        play.put(ms + 20, thread_row(xid, Some(pod), epoch, begins))
            .put(ms + 20, turn_row(xid, &name, epoch, begins))
            .put(ms + TURN_MS, turn_row(xid + 1, &name, epoch, end))
            .put(ms + TURN_MS, thread_row(xid + 1, None, epoch, end));
    }

    /// A first turn on pod-1 that ends at 1100 ms.
    fn first() -> Play {
        let mut play = edge_play();
        turn(&mut play, 1_000, 1, "pod-1", Some(30));
        play
    }

    /// The first turn, and a cold one on the same pod within half of the idle time.
    fn cold_again() -> Play {
        let mut play = first();
        turn(&mut play, 2_000, 2, "pod-1", Some(31));
        play
    }

    fn is_unreached(play: &Play) -> bool {
        play.judged().not_reached.iter().any(|of| of.promise == NAME)
    }

    #[test]
    fn a_session_that_is_built_once_and_used_since_is_accepted() {
        let mut play = first();
        for no in 2..6 {
            turn(&mut play, u64::from(no) * 1_000, no, "pod-1", None);
        }
        turn(&mut play, 6_000, 6, "pod-2", Some(20));
        turn(&mut play, 7_000, 7, "pod-1", Some(30));
        turn(&mut play, 10_000, 8, "pod-1", Some(30));
        play.keeps(NAME);
        assert!(!is_unreached(&play));
    }

    #[test]
    fn a_first_post_that_says_nothing_of_its_session_is_found() {
        let mut play = edge_play();
        turn(&mut play, 1_000, 1, "pod-1", None);
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "thread t-1 on pod-1");
        assert_eq!(
            finding.expected,
            "a word of the session that was built, for the post is the first of its thread on pod-1"
        );
        assert_eq!(finding.got, "none, with 202 by pod-1");
        let mut elsewhere = first();
        turn(&mut elsewhere, 2_000, 2, "pod-2", None);
        assert_eq!(elsewhere.breaks(NAME).subject, "thread t-1 on pod-2");
    }

    #[test]
    fn a_session_that_is_built_again_though_it_was_in_use_is_found_once() {
        let mut play = cold_again();
        turn(&mut play, 3_000, 3, "pod-1", Some(32));
        assert_eq!(play.findings(NAME).len(), 1);
        let finding = play.breaks(NAME);
        assert_eq!(finding.expected, "a warm session, which pod-1 keeps for 3000 ms");
        assert_eq!(
            finding.got,
            "one that was built in 31 ms for turn turn-2, 910 ms after the turn before"
        );
    }

    #[test]
    fn a_session_is_surely_warm_for_half_of_its_idle_time() {
        // Answered 10 ms after the post; the turn before ended at 1100 ms.
        for (ms, found) in [(2_590, 1), (2_591, 0)] {
            let mut play = first();
            turn(&mut play, ms, 2, "pod-1", Some(31));
            assert_eq!(play.findings(NAME).len(), found, "{ms}");
        }
        // The row of the end came late: the provider's last word was at 1050 ms.
        let mut play = first();
        let ended = crate::history::ProviderWhat::Ended {
            cause: "complete".into(),
            tokens: 6,
        };
        play.put(1_050, call(1, "pod-1", ended));
        turn(&mut play, 2_560, 2, "pod-1", Some(31));
        play.keeps(NAME);
    }

    #[test]
    fn a_pod_that_something_happens_to_owes_no_warm_session() {
        let faulted = |name: &str, target: &str, ms: u64| {
            let mut play = cold_again();
            play.put(ms, fault(2, name, target, aimed()))
                .put(ms, fault(2, name, target, observed()))
                .put(ms + 10, fault(2, name, target, FaultStep::Healed));
            play
        };
        for (name, target) in [
            ("kill", "pod-1"),
            ("hold at inside-drain", "pod-1"),
            ("kill", "postgres"),
        ] {
            faulted(name, target, 1_500).keeps(NAME);
        }
        faulted("kill", "pod-1", 500).breaks(NAME);
        faulted("kill", "pod-2", 1_500).breaks(NAME);
        cold_again().put(1_500, died("pod-1", 1)).keeps(NAME);
    }

    #[test]
    fn a_turn_that_did_not_complete_on_its_pod_alone_leaves_no_warm_session() {
        let after = |end: Status, owner: &str| {
            let mut play = edge_play();
            post(&mut play, 1_000, 1, "pod-1", Some(30));
            run(&mut play, 1_000, 1, owner, end);
            turn(&mut play, 2_000, 2, "pod-1", Some(31));
            play
        };
        after(Status::Completed, "pod-1").breaks(NAME);
        after(Status::Failed, "pod-1").keeps(NAME);
        after(Status::Completed, "pod-2").keeps(NAME);
        cold_again().put(1_050, cancelled("pod-1", Outcome::Ok(()))).keeps(NAME);
    }

    #[test]
    fn a_post_beside_another_or_of_a_known_message_is_not_judged() {
        // It waits behind a turn that runs.
        let mut play = first();
        play.without(|what| matches!(what, What::Store(StoreEvent::Row { xid: 11, .. })))
            .put(2_050, turn_row(11, "turn-1", 1, Status::Completed));
        turn(&mut play, 2_000, 2, "pod-2", None);
        play.keeps(NAME);
        // The same message again, of which the pod knows the turn.
        let mut play = edge_play();
        play.put(900, posted(7, "t-1", "m-1", "key-1"));
        turn(&mut play, 1_000, 1, "pod-1", None);
        play.keeps(NAME);
        // Two requests, one of which may be another's.
        let mut play = edge_play();
        turn(&mut play, 1_000, 1, "pod-1", None);
        play.ask(1_005, told("pod-1", None));
        play.keeps(NAME);
        // A post that nobody answered may have left a session.
        let mut play = edge_play();
        let unknown = Outcome::Unknown { reason: "reset".into() };
        play.put(500, posted(7, "t-1", "m-7", "key-7")).put(
            600,
            What::Client(ClientEvent::PostEnded {
                op: OpId(7),
                outcome: unknown,
            }),
        );
        turn(&mut play, 1_000, 1, "pod-1", None);
        play.keeps(NAME);
    }

    #[test]
    fn a_session_that_is_lost_while_its_pod_starves_is_unclear() {
        let mut play = cold_again();
        play.put(1_500, starved(&[("pod-1", 240)]));
        play.keeps(NAME);
        let judged = play.judged();
        assert!(
            judged.starved.iter().any(|finding| finding.promise == NAME),
            "{judged:#?}"
        );
        let mut play = cold_again();
        play.put(1_500, starved(&[("pod-2", 240)]));
        play.breaks(NAME);
    }

    #[test]
    fn a_run_whose_posts_go_straight_does_not_reach_it() {
        let mut play = edge_play();
        play.put(1_000, posted(1, "t-1", "m-1", "key-1"))
            .put(1_010, accepted(1, "turn-1"));
        run(&mut play, 1_000, 1, "pod-1", Status::Completed);
        play.keeps(NAME);
        assert!(is_unreached(&play));
        let mut play = cold_again();
        play.describe(|began| {
            began
                .capabilities
                .retain(|can| *can != crate::history::Capability::ColdStart);
        });
        play.keeps(NAME);
        let judged = play.judged();
        assert!(judged.not_applicable.iter().any(|of| of.promise == NAME));
        assert_ne!(judged.verdict, Verdict::Broken);
    }
}
