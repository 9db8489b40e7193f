//! Resumes: a client comes back with the last cursor of a dead attempt, and starts that take the text back without an epoch.

use super::scene::{
    self, asked, bare, begin, died_at_work, end, owned, run, settle, shown, tail, text, undisturbed, with,
};
use crate::history::{Capability, FaultStep, Status, TailEnd, TailMode, What};
use crate::judge::testing::{Play, TOKENS, aimed, call_ends, closed, fault, observed, token};

/// The place of token `k` under ids that begin again with each attempt.
fn place(k: u32) -> u64 {
    100 + 2 * u64::from(k)
}

/// Tokens of call 2 on one tail, under the ids that call 1 had.
fn anew(watcher: u32, tokens: std::ops::RangeInclusive<u32>) -> Vec<What> {
    let token = |k| shown(watcher, "turn-1", place(k), text("turn-1", token(2, k)));
    tokens.map(token).collect()
}

/// As [`anew`], behind `start`.
fn behind(start: What, tokens: Vec<What>) -> Vec<What> {
    std::iter::once(start).chain(tokens).collect()
}

/// The owner dies at token 3, and pod-2 runs the turn again under the same ids. A client's tail ends with the owner, and it comes back
/// with its last id, 106, to be shown `comes_back`. Another client's tail ends as well, or stays and is shown `stays`.
fn comes_back(stays: &[What], comes_back: &[What]) -> Play {
    let mut play = asked();
    died_at_work(&mut play);
    play.at(44, closed(2, TailEnd::Eof));
    if stays.is_empty() {
        play.at(44, closed(3, TailEnd::Eof));
    }
    play.at(1100, owned(30, "turn-1", None, Status::Queued));
    run(&mut play, 1200, (40, 2, "pod-2"), &[], 1..=TOKENS);
    for what in stays {
        play.at(1205, what.clone());
    }
    let cursor = Some("turn-1_event_106");
    play.at(1209, tail(4, "pod-2", "turn-1", TailMode::Cursor, cursor));
    for what in comes_back {
        play.at(1210, what.clone());
    }
    play.at(1230, call_ends(2, "pod-2", "complete"))
        .at(1231, owned(99, "turn-1", None, Status::Completed))
        .at(1232, shown(4, "turn-1", 150, end("turn-1", Some(Status::Completed))))
        .at(1250, fault(1, "kill", "pod-1", FaultStep::Healed));
    settle(&mut play);
    play
}

#[test]
fn a_cursor_of_a_dead_attempt_does_not_lead_into_the_middle_of_another() {
    let finding = comes_back(&[], &anew(4, 4..=TOKENS)).breaks("ResumeGapFree");
    assert_eq!(finding.subject, "w4 on pod-2");
    assert!(
        finding
            .expected
            .starts_with("more of call 1, a reset or a resync, for `turn-1_event_106`"),
        "{}",
        finding.expected
    );
    assert!(finding.got.starts_with("`~key-1.c2.k4."), "{}", finding.got);
    // The rest of the first attempt, be it late, is what the client lacks.
    let rest: Vec<What> = (4..=5)
        .map(|k| shown(4, "turn-1", place(k), text("turn-1", token(1, k))))
        .collect();
    comes_back(&[], &rest).keeps("ResumeGapFree");
}

#[test]
fn a_client_that_is_told_to_start_over_may_be_shown_another_attempt() {
    let all = anew(4, 1..=TOKENS);
    let told = behind(shown(4, "turn-1", 100, begin("turn-1", true)), all.clone());
    comes_back(&[], &told).keeps("ResumeGapFree");
    comes_back(&[], &behind(bare(4, begin("turn-1", true)), all.clone())).keeps("ResumeGapFree");
    // Without a reset the client puts the second attempt behind the first.
    let kept = behind(shown(4, "turn-1", 100, begin("turn-1", false)), all.clone());
    comes_back(&[], &kept).breaks("ResumeGapFree");
    let finding = comes_back(&[], &all).breaks("ResumeGapFree");
    assert!(
        finding.expected.starts_with("the frames right behind 106"),
        "{}",
        finding.expected
    );
    // A hole behind the reset is a hole, where only the second attempt has that id.
    let mut holed = told;
    holed.remove(5);
    let stays = behind(shown(3, "turn-1", 100, begin("turn-1", true)), anew(3, 1..=TOKENS));
    assert_eq!(
        comes_back(&stays, &holed).breaks("ResumeGapFree").subject,
        "w4 on pod-2"
    );
}

/// Nobody knows which of the two clients came back.
#[test]
fn a_cursor_that_clients_were_given_for_either_attempt_may_be_gone_on_from() {
    let stays = behind(shown(3, "turn-1", 100, begin("turn-1", true)), anew(3, 1..=3));
    let middle = anew(4, 4..=TOKENS);
    let play = comes_back(&stays, &middle);
    play.keeps("ResumeGapFree");
    assert_eq!(play.breaks("MonotoneCursor").subject, "w3 on pod-3");
    // The other client is given that id only later.
    let mut later = play;
    for what in stays {
        later.move_to(1220, &what);
    }
    later.breaks("ResumeGapFree");
}

/// A survivor that goes on behind the dead owner's last token: whoever stayed is shown the same.
#[test]
fn a_stream_that_joins_two_attempts_is_no_matter_of_a_cursor() {
    let play = comes_back(&anew(3, 4..=TOKENS), &anew(4, 4..=TOKENS));
    play.keeps("ResumeGapFree");
    play.breaks("NoSplice");
}

#[test]
fn a_start_over_for_nothing_is_found() {
    let again = |reset: bool| {
        let mut play = undisturbed();
        play.put(
            1206,
            tail(4, "pod-3", "turn-1", TailMode::Cursor, Some("turn-1_event_104")),
        )
        .put(1206, shown(4, "turn-1", 100, begin("turn-1", reset)));
        for k in 1..=TOKENS {
            play.put(1229, shown(4, "turn-1", place(k), text("turn-1", token(1, k))));
        }
        play.put(1232, shown(4, "turn-1", 150, end("turn-1", Some(Status::Completed))));
        play
    };
    for reset in [true, false] {
        let finding = again(reset).breaks("ResumeGapFree");
        assert!(
            finding.expected.starts_with("the frames right behind 104"),
            "{}",
            finding.expected
        );
    }
    // A store that has lost its log can show no more than what is there again.
    let mut lost = again(true);
    for (ms, step) in [(1203, aimed()), (1203, observed()), (1204, FaultStep::Healed)] {
        lost.put(ms, fault(8, "storage-wiped", "redis", step));
    }
    lost.keeps("ResumeGapFree");
    with(lost, Capability::Resync).breaks("ResumeGapFree");
}

/// The second attempt's ids lie below the first's; only what lies between them on the tail itself is owed.
#[test]
fn frames_of_an_older_attempt_between_ids_that_begin_anew_are_no_hole() {
    scene::anew(50, &begin("turn-1", true)).passes();
    let mut holed = scene::anew(50, &begin("turn-1", true));
    holed.without(|what| *what == shown(3, "turn-1", 58, text("turn-1", token(2, 4))));
    assert_eq!(
        holed.breaks("ResumeGapFree").expected,
        "58 right behind 56, or a resync"
    );
}

/// A tail that opens in the middle of the first attempt, which holds its first two tokens by then.
#[test]
fn the_new_attempt_s_ids_are_not_held_against_what_was_live_before_its_start() {
    let opened_in_the_middle = |reset: bool| {
        let stays = behind(shown(3, "turn-1", 100, begin("turn-1", reset)), anew(3, 1..=TOKENS));
        let mut play = comes_back(&stays, &[]);
        play.move_to(16, &tail(3, "pod-3", "turn-1", TailMode::Start, None));
        for (frame, k) in [(begin("turn-1", false), 0), (text("turn-1", token(1, 1)), 1)] {
            play.move_to(16, &shown(3, "turn-1", place(k), frame));
        }
        play.without(|what| *what == shown(3, "turn-1", place(2), text("turn-1", token(1, 2))));
        play
    };
    opened_in_the_middle(true).keeps("NoInversionOnAttach");
    assert_eq!(
        opened_in_the_middle(false).breaks("NoInversionOnAttach").got,
        "102 behind it"
    );
}
