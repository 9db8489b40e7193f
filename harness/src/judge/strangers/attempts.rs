//! Attempts: which is which where no epoch says so.

use super::scene::{
    asked, begin, call_asked, described, died_at_work, over, owned, row, run, settle, shown, survived, tail, text,
    undisturbed, with,
};
use crate::history::ProviderWhat;
use crate::history::{Capability, FaultStep, Status, TailMode};
use crate::judge::testing::{TOKENS, aimed, call, call_ends, fault, observed, token};

/// F3: the second turn of a thread begins at attempt 1 again.
#[test]
fn an_attempt_of_a_turn_is_not_the_threads_epoch() {
    let second = |owners: [&str; 2]| {
        let mut play = undisturbed();
        let [posted, accepted] = super::scene::posted(2, "turn-2", "key-2", None);
        play.put(1300, posted)
            .put(1301, row(110, "turn-2", None, None, Status::Queued))
            .put(1302, accepted)
            .put(1303, row(111, "turn-2", Some(owners[0]), Some("1"), Status::InProgress))
            .put(1304, row(112, "turn-2", Some(owners[1]), Some("1"), Status::InProgress))
            .put(1305, row(113, "turn-2", None, Some("1"), Status::Failed));
        with(play, Capability::Attempt)
    };
    for promise in ["EpochIsolation", "SingleActiveTurn", "WriterFencing"] {
        second(["pod-2", "pod-2"]).keeps(promise);
    }
    // A sweeper that takes the lock under the same attempt claims nothing.
    second(["pod-2", "pod-3"]).keeps("SingleActiveTurn");
    second(["pod-2", "pod-3"]).keeps("NoFriendlyFire");
}

/// F3: a sweeper takes the lock of a dead owner under the same attempt, to fail the turn.
#[test]
fn a_turn_that_is_failed_for_a_dead_owner_is_not_reaped() {
    let held = |xid, pod, status| row(xid, "turn-1", pod, Some("1"), status);
    let swept = |dies: bool| {
        let mut play = asked();
        run(&mut play, 12, (20, 1, "pod-1"), &[2, 3], 1..=3);
        play.turn_into(
            &owned(20, "turn-1", Some("pod-1"), Status::InProgress),
            held(20, Some("pod-1"), Status::InProgress),
        );
        if dies {
            play.at(40, fault(1, "kill", "pod-1", aimed()))
                .at(41, fault(1, "kill", "pod-1", observed()))
                .at(43, call_ends(1, "pod-1", "client_gone"));
        }
        play.at(1100, held(50, Some("pod-2"), Status::InProgress))
            .at(1100, held(51, Some("pod-2"), Status::Failed))
            .at(1101, held(52, None, Status::Failed));
        settle(&mut play);
        with(play, Capability::Attempt)
    };
    swept(true).keeps("ReaperSoundness");
    swept(false).breaks("ReaperSoundness");
}

/// F3: who attaches after the takeover is shown attempt 2 as its first.
#[test]
fn a_late_tail_names_the_attempt_as_the_others_do() {
    let late = |first_text: u32| {
        let mut play = survived();
        play.put(1260, tail(4, "pod-3", "turn-1", TailMode::Start, None))
            .put(1261, shown(4, "turn-1", 200, begin("turn-1", true)));
        for k in 1..=TOKENS {
            let call = if k < first_text { 1 } else { 2 };
            play.put(
                1262,
                shown(4, "turn-1", 200 + 2 * u64::from(k), text("turn-1", token(call, k))),
            );
        }
        play.put(
            1263,
            shown(4, "turn-1", 250, super::scene::end("turn-1", Some(Status::Completed))),
        );
        play
    };
    late(1).passes();
    let mixed = late(4);
    mixed.breaks("NoSplice");
    mixed.breaks("WatchersAgree");
}

#[test]
fn both_attempts_one_behind_the_other_are_found_without_a_reset() {
    let mut play = survived();
    for watcher in [2, 3] {
        play.turn_into(
            &shown(watcher, "turn-1", 200, begin("turn-1", true)),
            shown(watcher, "turn-1", 200, begin("turn-1", false)),
        );
    }
    play.breaks("NoSplice");
    play.breaks("WatchersAgree");
}

#[test]
fn text_of_the_dead_attempt_behind_that_of_the_new_one_is_found() {
    survived().keeps("WriterFencing");
    let mut play = survived();
    play.put(1204, shown(2, "turn-1", 203, text("turn-1", token(1, 4))));
    assert_eq!(play.breaks("WriterFencing").subject, "w2 on pod-2, turn turn-1");
}

/// F3 and F10: calls are held against claims, and the client's own retries do not count.
#[test]
fn a_client_that_calls_again_without_a_byte_is_one_attempt() {
    let called = |retries: u32, tokens: u32| {
        let mut play = asked();
        play.at(12, owned(40, "turn-1", Some("pod-1"), Status::InProgress));
        for n in 1..=retries {
            let ms = 12 + u64::from(n);
            let cause = "fault:status".to_owned();
            play.at(ms, call_asked(n, "pod-1"))
                .at(ms, call(n, "pod-1", ProviderWhat::Ended { cause, tokens }));
        }
        let last = retries + 1;
        play.at(30, call_asked(last, "pod-1"))
            .at(31, call_ends(last, "pod-1", "complete"))
            .at(1231, owned(99, "turn-1", None, Status::Completed));
        settle(&mut play);
        play
    };
    called(2, 0).keeps("BoundedProviderWork");
    called(3, 0).breaks("BoundedProviderWork");
    called(2, 3).breaks("BoundedProviderWork");
}

#[test]
fn a_claim_more_allows_a_call_more() {
    survived().keeps("BoundedProviderWork");
    let mut play = survived();
    play.put(1236, call_asked(3, "pod-2"))
        .put(1237, call_ends(3, "pod-2", "complete"));
    play.breaks("BoundedProviderWork");
}

#[test]
fn an_attempt_that_falls_is_found() {
    let fell = |attempts: [&str; 2]| {
        let mut play = asked();
        run(&mut play, 1200, (40, 1, "pod-1"), &[2, 3], 1..=TOKENS);
        play.put(
            1201,
            row(50, "turn-1", Some("pod-1"), Some(attempts[0]), Status::InProgress),
        )
        .put(
            1202,
            row(51, "turn-1", Some("pod-1"), Some(attempts[1]), Status::InProgress),
        );
        over(&mut play, &[2, 3]);
        settle(&mut play);
        with(play, Capability::Attempt)
    };
    fell(["1", "1"]).keeps("WriterFencing");
    fell(["token-b", "token-a"]).keeps("WriterFencing");
    assert_eq!(fell(["2", "1"]).breaks("WriterFencing").got, "attempt 1");
}

#[test]
fn a_takeover_is_in_time_by_the_tokens_of_the_new_call() {
    survived().keeps("BoundedTakeover");
    let mut late = asked();
    died_at_work(&mut late);
    late.at(3900, owned(40, "turn-1", Some("pod-2"), Status::InProgress))
        .at(3901, call_asked(2, "pod-2"))
        .at(3920, fault(1, "kill", "pod-1", FaultStep::Healed))
        .at(3930, call_ends(2, "pod-2", "complete"))
        .at(3931, owned(99, "turn-1", None, Status::Completed));
    let late = described(late, |_| {});
    let mut ended = late.clone();
    ended.at(
        4000,
        crate::history::What::Run(crate::history::RunEvent::Played { gave_up: None }),
    );
    assert!(
        ended
            .findings("BoundedTakeover")
            .iter()
            .any(|finding| finding.got.starts_with("after 3"))
    );
}
