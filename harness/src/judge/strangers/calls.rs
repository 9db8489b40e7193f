//! Calls of the provider: how many of them a turn may cost, by what the rows and the description say.

use super::scene::{asked, call_asked, described, owned, settle, undisturbed};
use crate::history::{Capability, ClientEvent, FaultStep, Outcome, ProviderEvent, ProviderWhat, Status, What};
use crate::judge::testing::{Play, aimed, call_ends, fault, observed};

const NAME: &str = "BoundedAttempts";
const WORK: &str = "BoundedProviderWork";

/// A turn that its owners give back again and again: `calls` claims by one pod after the other, each with a call that its owner hangs up.
/// The last completes.
fn handed_round(calls: u32) -> Play {
    let mut play = asked();
    for n in 1..=calls {
        let (ms, xid) = (10 + 2 * u64::from(n), 1000 + 2 * u64::from(n));
        let pod = format!("pod-{}", n % 3 + 1);
        play.at(ms, owned(xid, "turn-1", Some(&pod), Status::InProgress))
            .at(ms, call_asked(n, &pod));
        let (cause, owner, status) = if n == calls {
            ("complete", Some(pod.as_str()), Status::Completed)
        } else {
            ("client_gone", None, Status::Queued)
        };
        play.at(ms + 1, call_ends(n, &pod, cause))
            .at(ms + 1, owned(xid + 1, "turn-1", owner, status));
    }
    let mut rest = Play::default();
    settle(&mut rest);
    play.follow(10 + 2 * u64::from(calls + 1), &rest);
    play
}

fn trying(play: Play, attempts: u32) -> Play {
    described(play, |began| began.bounds.attempts = Some(attempts))
}

/// The play, in which the database is away all the time.
fn broken(mut play: Play) -> Play {
    for (ms, step) in [(9, aimed()), (9, observed()), (1200, FaultStep::Healed)] {
        play.put(ms, fault(5, "stop", "postgres", step));
    }
    play
}

#[test]
fn a_turn_that_is_handed_round_for_ever_is_found_though_no_bound_is_said() {
    let play = handed_round(1168);
    let finding = play.breaks(NAME);
    assert_eq!(finding.expected, "at most 26 attempts, as bounds.attempts says nothing");
    assert_eq!(finding.got, "one more by pod-1, and 1168 in all");
    // Each claim of it explains a call.
    play.keeps(WORK);
    // Nobody took the turn from anybody.
    play.keeps("NoFriendlyFire");
    play.keeps("ReaperSoundness");
    handed_round(26).keeps(NAME);
    handed_round(27).breaks(NAME);
}

#[test]
fn a_system_tries_as_often_as_it_says() {
    for attempts in [1, 3, 40] {
        trying(handed_round(attempts), attempts).keeps(NAME);
        trying(handed_round(attempts + 1), attempts).breaks(NAME);
    }
}

/// Any one of the owners may have been right to give the turn back.
#[test]
fn claims_under_a_fault_are_takeovers() {
    broken(trying(handed_round(40), 3)).keeps(NAME);
}

#[test]
fn calls_behind_one_claim_are_found_at_once() {
    let mut play = undisturbed();
    play.keeps(WORK);
    play.put(1210, call_asked(2, "pod-1"))
        .put(1211, call_ends(2, "pod-1", "complete"));
    assert_eq!(play.breaks(WORK).expected, "at most 1: one, and one for each takeover");
}

/// A system whose owners nobody can read may take over as it will.
#[test]
fn without_owners_only_calls_without_end_are_found() {
    let ownerless = |calls: u32| {
        described(handed_round(calls), |began| {
            began.capabilities.retain(|can| *can != Capability::Owner);
        })
    };
    for calls in [1, 2, 26] {
        ownerless(calls).keeps(NAME);
    }
    let finding = ownerless(1168).breaks(NAME);
    assert_eq!(
        finding.expected,
        "at most 26 under no fault, as bounds.attempts says nothing"
    );
    let in_part = ownerless(2).judged().judged_in_part;
    assert!(
        in_part
            .iter()
            .any(|part| part.promise == NAME && part.clause == "attempts by their claims, deaths included")
    );
    let lacking = ownerless(2).judged().not_applicable;
    assert!(lacking.iter().any(|lacking| lacking.promise == WORK));
    // A broken part may make a system try until it is whole again.
    broken(ownerless(60)).keeps(NAME);
}

/// A post that was never answered: which row is its turn's nobody knows.
#[test]
fn calls_for_a_message_that_no_turn_is_known_of_are_counted() {
    let unanswered = |calls: u32| {
        let mut play = handed_round(calls);
        play.change(|what| match what {
            What::Client(ClientEvent::PostEnded { op, .. }) => {
                let reason = "no answer within 5s".to_owned();
                let outcome = Outcome::Unknown { reason };
                Some(What::Client(ClientEvent::PostEnded { op: *op, outcome }))
            }
            _ => None,
        });
        play
    };
    unanswered(26).keeps(NAME);
    unanswered(27).breaks(NAME);
    trying(unanswered(4), 3).breaks(NAME);
}

/// A message that was posted again, for its first post was not answered: each post may have become a turn.
#[test]
fn a_second_post_may_cost_a_second_turn() {
    let again = |idempotent: bool| {
        let mut play = undisturbed();
        let [posted, _] = super::scene::posted(2, "turn-1", "key-1", None);
        play.put(4, posted)
            .put(30, call_asked(2, "pod-3"))
            .put(60, call_ends(2, "pod-3", "complete"));
        described(play, |began| {
            if idempotent {
                began.capabilities.push(Capability::Idempotent);
            }
        })
    };
    again(false).keeps(WORK);
    again(true).breaks(WORK);
}

/// Calls that are no part of a turn, a title's say, go by keys of their own if they have any.
#[test]
fn calls_beside_the_turn_s_are_no_calls_of_it() {
    let mut play = undisturbed();
    for ordinal in 1..=3 {
        let aside = |what| {
            What::Provider(ProviderEvent {
                call: 900 + u64::from(ordinal),
                key: "title".into(),
                ordinal,
                pod: Some("pod-1".into()),
                what,
            })
        };
        let messages = vec!["user: name this thread".to_owned()];
        let cause = "complete".to_owned();
        play.put(1220, aside(ProviderWhat::Started { messages }))
            .put(1221, aside(ProviderWhat::Ended { cause, tokens: 3 }));
    }
    play.keeps(WORK);
}
