//! Bounds: those that a system does not promise, those that a run does not outlast, and ends in good order.

use super::scene::{asked, described, end, owned, posted, run, settle, shown, survived, undisturbed};
use crate::history::{Capability, FaultStep, ProviderWhat, Status, What};
use crate::judge::testing::{Play, TOKENS, aimed, call, call_ends, died, fault, observed, polled};

/// F14: the other way back is slower than a takeover.
#[test]
fn a_turn_may_wait_for_the_slowest_way_back() {
    let waiting = |pickup_ms: Option<u64>| {
        let mut play = undisturbed();
        let [asked, accepted] = posted(2, "turn-2", "key-2", None);
        play.put(1300, asked)
            .put(1301, owned(120, "turn-2", None, Status::Queued))
            .put(1302, accepted);
        play.change(|what| super::scene::asked_too(what, "key-2"));
        described(play, |began| began.bounds.pickup_ms = pickup_ms)
    };
    waiting(Some(138_000)).keeps("NoLostAck");
    assert_eq!(waiting(Some(2100)).breaks("NoLostAck").subject, "turn turn-2");
    waiting(None).breaks("NoLostAck");
}

/// F16.
#[test]
fn a_turn_that_has_run_for_as_long_as_a_turn_may_is_ended_also_while_it_moves() {
    let ended = |turn_ms: Option<u64>| {
        let mut play = asked();
        run(&mut play, 12, (20, 1, "pod-1"), &[2, 3], 1..=TOKENS);
        play.at(6000, call_ends(1, "pod-1", "client_gone"))
            .at(6001, owned(99, "turn-1", None, Status::Failed));
        let mut rest = Play::default();
        settle(&mut rest);
        play.follow(6100, &rest);
        described(play, |began| began.bounds.turn_ms = turn_ms)
    };
    ended(Some(6000)).keeps("ReaperSoundness");
    ended(None).breaks("ReaperSoundness");
    ended(Some(60_000)).breaks("ReaperSoundness");
}

/// F16: without a bound of progress no stand-still is too long, and none excuses a taking.
#[test]
fn a_bound_that_is_not_promised_is_never_over() {
    let mut play = asked();
    run(&mut play, 12, (20, 1, "pod-1"), &[2, 3], 1..=3);
    play.at(9000, owned(99, "turn-1", Some("pod-2"), Status::InProgress))
        .at(9001, call_ends(1, "pod-1", "complete"))
        .at(9002, owned(100, "turn-1", None, Status::Cancelled));
    let mut rest = Play::default();
    settle(&mut rest);
    play.follow(9100, &rest);
    play.keeps("ProgressNotLiveness");
    play.breaks("NoFriendlyFire");
    let promised = described(play, |began| began.bounds.progress_ms = Some(3000));
    promised.keeps("NoFriendlyFire");
    promised.breaks("ProgressNotLiveness");
}

/// F17.
#[test]
fn an_end_by_the_signal_itself_is_in_good_order() {
    let ended = |code: i64| {
        let mut play = undisturbed();
        play.put(1260, fault(3, "terminate", "pod-3", aimed()))
            .put(1270, fault(3, "terminate", "pod-3", observed()))
            .put(1280, died("pod-3", code))
            .put(1390, fault(3, "terminate", "pod-3", FaultStep::Healed));
        play
    };
    for code in [0, 143] {
        ended(code).keeps("DrainCompleteness");
    }
    for code in [1, 137, 139] {
        assert_eq!(
            ended(code).breaks("DrainCompleteness").got,
            format!("it ended with code {code}")
        );
    }
}

/// V9.
#[test]
fn a_bound_that_the_run_does_not_outlast_is_not_reached() {
    let lasting =
        |takeover_ms: u64| described(survived(), |began| began.bounds.takeover_ms = Some(takeover_ms)).judged();
    assert_eq!(lasting(2100).not_reached, vec![]);
    let judgement = lasting(48_000);
    let unreached: Vec<&str> = judgement.not_reached.iter().map(|of| of.promise.as_str()).collect();
    assert!(unreached.contains(&"BoundedTakeover"), "{unreached:?}");
    let why = &judgement.not_reached[0].why;
    assert_eq!(
        why,
        "not reached: the run was watched for 15000 ms, and bounds.takeover is 48000 ms"
    );
}

/// F13.
#[test]
fn a_pod_may_be_ready_without_a_part_that_it_does_not_need() {
    let ready = |needs: &[&str]| {
        let mut play = undisturbed();
        for (ms, step) in [
            (20, aimed()),
            (20, observed()),
            (1240, FaultStep::Healing),
            (1250, FaultStep::Healed),
        ] {
            play.put(ms, fault(5, "stop", "redis", step));
        }
        play.put(1190, polled("pod-2", true));
        let needs = needs.iter().map(|part| (*part).to_owned()).collect();
        described(play, |began| began.rules.ready_needs = Some(needs))
    };
    ready(&["postgres"]).keeps("ReadinessTellsTheTruth");
    ready(&["postgres", "redis"]).breaks("ReadinessTellsTheTruth");
}

/// F13.
#[test]
fn a_pod_that_its_supervisor_starts_again_may_end_while_a_part_is_gone() {
    let ended = |restarted: bool, ms: u64| {
        let mut play = undisturbed();
        for (at, step) in [(20, aimed()), (20, observed()), (600, FaultStep::Healed)] {
            play.put(at, fault(5, "stop", "postgres", step));
        }
        play.put(ms, died("pod-3", 3));
        described(play, |began| {
            if restarted {
                began.rules.restarted = vec!["pod-3".into()];
            }
        })
    };
    ended(true, 500).keeps("DependencySelfHeal");
    ended(false, 500).breaks("DependencySelfHeal");
    let mut later = ended(true, 500);
    later.move_to(9000, &died("pod-3", 3));
    later.breaks("DependencySelfHeal");
}

/// F13: nothing of the system says that a pod can serve.
#[test]
fn a_pod_that_is_asked_in_vain_whether_it_can_serve_is_judged_by_its_work() {
    let asked = |can_say: bool| {
        let mut play = undisturbed();
        for (at, step) in [(20, aimed()), (20, observed()), (600, FaultStep::Healed)] {
            play.put(at, fault(5, "stop", "postgres", step));
        }
        play.put(9000, polled("pod-3", false));
        described(play, |began| {
            began.capabilities.retain(|capability| *capability != Capability::Ready);
            if can_say {
                began.capabilities.push(Capability::Ready);
            }
        })
    };
    asked(true).breaks("DependencySelfHeal");
    asked(false).keeps("DependencySelfHeal");
}

/// F11: a queue's ticket settles after the turn.
#[test]
fn an_end_that_a_pod_confirms_is_stored_whatever_the_ticket_says() {
    let probed = |confirmed: Option<Status>| {
        let mut play = undisturbed();
        let over = crate::judge::testing::probe(3, Some(Status::Completed));
        play.turn_into(&over, crate::judge::testing::probe(3, Some(Status::InProgress)));
        if let Some(status) = confirmed {
            play.put(1232, super::scene::status_read("pod-2", "turn-1", status, None));
        }
        play
    };
    probed(Some(Status::Completed)).keeps("DurableBeforeTerminal");
    probed(Some(Status::InProgress)).breaks("DurableBeforeTerminal");
    probed(None).breaks("DurableBeforeTerminal");
}

/// F10: the provider's client calls again by itself; a title is no call of the turn, and not in its journal.
#[test]
fn calls_one_behind_the_other_are_not_two_at_once() {
    let mut play = undisturbed();
    play.put(
        1228,
        call(
            1,
            "pod-1",
            ProviderWhat::Held {
                gate: "g".into(),
                after: 3,
            },
        ),
    );
    play.keeps("SingleActiveTurn");
    play.keeps("BoundedProviderWork");
    let mut cut = undisturbed();
    cut.without(|what| *what == shown(2, "turn-1", 150, end("turn-1", Some(Status::Completed))));
    assert!(cut.holds(|what| matches!(what, What::Provider(_))));
    cut.breaks("TerminalReachesClient");
}
