//! Owners: values that lead to no pod, columns that keep their last owner, and takings through "nobody".

use super::scene::{asked, call_asked, described, died_at_work, owned, run, settle, survived, undisturbed};
use crate::history::{Capability, EdgeRules, FaultStep, OnDeath, PodEvent, Status, What};
use crate::judge::testing::{Play, TOKENS, aimed, call_ends, fault, observed};
use crate::verdict::Verdict;

/// The turn goes from pod-1, which lives, to pod-2 by way of a row without an owner; pod-1 hangs up its call at `hangs_up_ms`. The row
/// comes at 1100 ms, and the claim at 1200 ms.
fn released(hangs_up_ms: u64) -> Play {
    let mut play = survived();
    play.without(|what| matches!(what, What::Fault(_)));
    play.move_to(hangs_up_ms, &call_ends(1, "pod-1", "client_gone"));
    play
}

/// A peer releases the turn; pod-1 is at work until it finds out, behind the claim.
fn taken_from_the_living() -> Play {
    released(1205)
}

const TAKINGS: [&str; 2] = ["NoFriendlyFire", "ReaperSoundness"];

/// V1.
#[test]
fn a_turn_that_is_taken_by_way_of_nobody_is_seen() {
    survived().keeps("NoFriendlyFire");
    let finding = taken_from_the_living().breaks("NoFriendlyFire");
    assert_eq!(finding.subject, "turn turn-1");
    taken_from_the_living().breaks("ReaperSoundness");
}

/// V1: an owner gives a turn back whose call it has ended, or the provider.
#[test]
fn a_turn_that_its_owner_gives_back_is_not_taken() {
    for hangs_up_ms in [43, 1099, 1110] {
        released(hangs_up_ms).passes();
    }
    let mut play = released(1200);
    play.turn_into(
        &call_ends(1, "pod-1", "client_gone"),
        call_ends(1, "pod-1", "fault:error"),
    );
    play.passes();
    // A worker that has not called the provider yet puts back a turn that it may not run now.
    let mut uncalled = taken_from_the_living();
    uncalled.without(|what| matches!(what, What::Provider(seen) if seen.ordinal == 1));
    for promise in TAKINGS {
        uncalled.keeps(promise);
    }
}

#[test]
fn an_owner_may_take_again_what_it_gave_back() {
    let again = |hangs_up_ms: u64| {
        let mut play = released(hangs_up_ms);
        play.turn_into(
            &owned(40, "turn-1", Some("pod-2"), Status::InProgress),
            owned(40, "turn-1", Some("pod-1"), Status::InProgress),
        );
        // A call that the provider ends explains another attempt.
        play.turn_into(&call_ends(2, "pod-2", "complete"), call_ends(2, "pod-2", "client_gone"));
        play
    };
    for promise in TAKINGS {
        again(1099).keeps(promise);
    }
    again(1300).breaks("ReaperSoundness");
}

/// The column keeps the owner of a turn that waits again.
#[test]
fn a_turn_that_waits_again_beside_its_last_owner_s_name_is_given_back() {
    let kept = |hangs_up_ms: u64| {
        let mut play = released(hangs_up_ms);
        play.turn_into(
            &owned(30, "turn-1", None, Status::Queued),
            owned(30, "turn-1", Some("pod-1"), Status::Queued),
        );
        described(play, |began| began.rules.owner_is_kept = true)
    };
    for promise in TAKINGS {
        kept(1099).keeps(promise);
        kept(1300).breaks(promise);
    }
}

/// The turn waits for so long that the drain lies far behind its next claim.
#[test]
fn what_was_broken_as_the_turn_was_released_is_what_counts() {
    let drained = |is_told: bool| {
        let mut play = asked();
        run(&mut play, 12, (20, 1, "pod-1"), &[2, 3], 1..=3);
        if is_told {
            for (ms, step) in [(40, aimed()), (41, observed()), (400, FaultStep::Healed)] {
                play.at(ms, fault(1, "terminate", "pod-1", step));
            }
        }
        play.put(46, owned(30, "turn-1", None, Status::Queued))
            .put(300, call_ends(1, "pod-1", "client_gone"));
        let mut rest = Play::default();
        run(&mut rest, 9000, (40, 2, "pod-2"), &[2, 3], 1..=TOKENS);
        rest.at(9030, call_ends(2, "pod-2", "complete"))
            .at(9031, owned(99, "turn-1", None, Status::Completed));
        settle(&mut rest);
        play.follow(9000, &rest);
        play
    };
    for promise in TAKINGS {
        drained(true).keeps(promise);
        drained(false).breaks(promise);
    }
}

#[test]
fn a_candidate_beside_the_pods_may_own_a_turn() {
    let mut play = undisturbed();
    play.turn_into(
        &owned(40, "turn-1", Some("pod-1"), Status::InProgress),
        owned(40, "turn-1", Some("pod-candidate"), Status::InProgress),
    );
    assert_eq!(play.judged().verdict, Verdict::Broken);
    let beside = described(play, |began| {
        let candidate = Some("pod-candidate".into());
        began.rules.edge = Some(EdgeRules {
            candidate,
            ..EdgeRules::default()
        });
    });
    assert_ne!(beside.judged().verdict, Verdict::Broken);
}

/// F12.
#[test]
fn an_owner_that_leads_to_no_pod_is_the_descriptions_fault() {
    let mut play = undisturbed();
    play.turn_into(
        &owned(40, "turn-1", Some("pod-1"), Status::InProgress),
        owned(40, "turn-1", Some("worker-1a2b3c4d"), Status::InProgress),
    );
    let judgement = play.judged();
    assert_eq!(judgement.verdict, Verdict::Broken);
    assert_eq!(
        judgement.reason.as_deref(),
        Some(r#"owner "worker-1a2b3c4d" leads to no pod (pod-1, pod-2, pod-3)"#)
    );
}

/// F12.
#[test]
fn a_column_that_keeps_its_last_owner_is_no_leak() {
    let kept = |is_said: bool| {
        let mut play = undisturbed();
        play.without(|what| *what == owned(100, "turn-1", None, Status::Completed));
        described(play, |began| began.rules.owner_is_kept = is_said)
    };
    kept(true).passes();
    assert_eq!(kept(false).breaks("NoLeak").subject, "turn turn-1");
}

/// F7: an end by a death has a meaning of its own.
#[test]
fn a_stopped_turn_was_not_lost() {
    let ended = |status: Status| {
        let mut play = asked();
        run(&mut play, 1200, (40, 1, "pod-1"), &[], 1..=TOKENS);
        play.at(1229, call_ends(1, "pod-1", "client_gone"))
            .at(1230, owned(99, "turn-1", None, status));
        settle(&mut play);
        play
    };
    ended(Status::Cancelled).keeps("NoFriendlyFire");
    ended(Status::Lost).breaks("NoFriendlyFire");
}

/// The owner is killed at 40 ms and nobody goes on; it is back at `back_ms`.
fn left_alone(back_ms: u64) -> Play {
    let mut play = asked();
    died_at_work(&mut play);
    play.at(back_ms, fault(1, "kill", "pod-1", FaultStep::Healed));
    play
}

#[test]
fn an_owner_that_goes_on_after_its_restart_has_the_bound_from_there() {
    let resumed = |after_ms: u64| {
        let mut play = left_alone(5000);
        let ms = 5000 + after_ms;
        play.at(ms, owned(40, "turn-1", Some("pod-1"), Status::Queued))
            .at(ms, owned(41, "turn-1", Some("pod-1"), Status::InProgress))
            .at(ms + 1, call_asked(2, "pod-1"))
            .at(ms + 9, call_ends(2, "pod-1", "complete"))
            .at(ms + 10, owned(99, "turn-1", None, Status::Completed));
        let mut end = Play::default();
        settle(&mut end);
        play.follow(8000, &end);
        described(play, |began| began.rules.on_death = Some(OnDeath::Restart))
    };
    resumed(1000).keeps("BoundedTakeover");
    resumed(2500).breaks("BoundedTakeover");
}

/// V8.
#[test]
fn a_system_that_promises_nothing_at_a_death_still_owes_the_message() {
    let forgotten = |keeps_it: bool| {
        let mut play = left_alone(200);
        let mut end = Play::default();
        settle(&mut end);
        play.follow(8000, &end);
        for pod in ["pod-1", "pod-2", "pod-3"] {
            let old = super::scene::read(pod, "key-1", Some(crate::judge::testing::answer(1)));
            let key = if keeps_it { "key-1" } else { "key-of-another" };
            play.turn_into(&old, super::scene::read(pod, key, None));
        }
        play.without(|what| matches!(what, What::Pod(PodEvent::StatusRead { .. })));
        described(play, |began| began.rules.on_death = Some(OnDeath::Nothing))
    };
    for promise in ["NoLostAck", "BoundedTakeover"] {
        forgotten(true).keeps(promise);
    }
    let finding = forgotten(false).breaks("NoLostAck");
    assert_eq!(finding.expected, "the acknowledged message");
    let survivor = described_again(forgotten(true), OnDeath::Survivor);
    survivor.breaks("NoLostAck");
}

fn described_again(mut play: Play, on_death: OnDeath) -> Play {
    play.describe(|began| began.rules.on_death = Some(on_death));
    play
}

/// V3.
#[test]
fn what_cannot_be_counted_is_said_not_to_be() {
    let judgement = survived().judged();
    let has = |promise: &str, clause: &str| {
        let mut parts = judgement.judged_in_part.iter();
        parts.any(|part| part.promise == promise && part.clause == clause)
    };
    assert!(has("NoLeak", "what pods count"));
    assert!(has("SingleActiveTurn", "an epoch has one owner"));
    assert!(has("SingleActiveTurn", "one turn of a thread at a time"));
    assert!(has("WriterFencing", "nothing under an older epoch"));
    assert!(!has("NoLeak", "no owner is left"));
    let lacking: Vec<&str> = judgement
        .not_applicable
        .iter()
        .map(|lacking| lacking.promise.as_str())
        .collect();
    assert!(
        lacking.contains(&"TenantIsolation") && lacking.contains(&"ProgressNotLiveness"),
        "{lacking:?}"
    );
    assert!(!lacking.contains(&"NoFriendlyFire"));
    let said = described(survived(), |began| {
        began.lacks.push(crate::history::Lack {
            capability: Capability::Tenants,
            why: "no second account ([auth.accounts] stranger)".into(),
        });
    });
    let judgement = said.judged();
    let why = |promise: &str| {
        judgement
            .not_applicable
            .iter()
            .find(|lacking| lacking.promise == promise)
            .map(|lacking| lacking.why.as_str())
    };
    assert_eq!(
        why("TenantIsolation"),
        Some("no second account ([auth.accounts] stranger)")
    );
    assert_eq!(
        why("ProgressNotLiveness"),
        Some("no bound is promised (bounds.progress)")
    );
}

/// V10 and V4: a failure that is expected sometimes, and one that is narrowed to its finding.
#[test]
fn an_expected_failure_excuses_the_finding_that_it_names() {
    let known = |finding: &str, sometimes: bool, play: Play| {
        described(play, |began| {
            began.expected_failures.push(crate::history::ExpectedFailure {
                promise: "NoFriendlyFire".into(),
                finding: Some(finding.into()),
                sometimes,
                why: "known".into(),
            });
            began.expected_failures.push(crate::history::ExpectedFailure {
                promise: "ReaperSoundness".into(),
                finding: None,
                sometimes: true,
                why: "known".into(),
            });
        })
    };
    let named = known("taken by pod-2", false, taken_from_the_living()).judged();
    assert_eq!(named.verdict, Verdict::Pass, "{named:#?}");
    assert_eq!(
        named.reason.as_deref(),
        Some("broken as expected: NoFriendlyFire (known; 1 findings), ReaperSoundness (known; 1 findings)")
    );
    assert_eq!(
        known("taken by pod-3", false, taken_from_the_living()).judged().verdict,
        Verdict::Fail
    );
    assert_eq!(known("taken by", true, survived()).judged().verdict, Verdict::Pass);
    assert_eq!(known("taken by", false, survived()).judged().verdict, Verdict::Fail);
}
