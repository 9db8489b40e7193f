//! Cursors: ids with holes, frames without ids, cursors that nobody was given.

use super::scene::{anew, bare, begin, end, shown, survived, tail, text, undisturbed, with};
use crate::history::{Capability, Chunk, Epoch, FaultStep, Start, Status, TailMode};
use crate::judge::testing::{Play, TOKENS, aimed, answer, fault, observed, token};

/// F6.
#[test]
fn an_end_or_an_error_may_come_without_an_id() {
    let mut play = undisturbed();
    for watcher in [2, 3] {
        play.turn_into(
            &shown(watcher, "turn-1", 150, end("turn-1", Some(Status::Completed))),
            bare(watcher, end("turn-1", Some(Status::Completed))),
        );
    }
    play.passes();
    let mut text_without = undisturbed();
    text_without.turn_into(
        &shown(3, "turn-1", 106, text("turn-1", token(1, 3))),
        bare(3, text("turn-1", token(1, 3))),
    );
    assert_eq!(text_without.breaks("MonotoneCursor").subject, "w3 on pod-3");
}

/// F6: the ids of what is passed over, pings say, are only holes.
#[test]
fn ids_may_have_holes_and_not_go_back() {
    undisturbed().keeps("MonotoneCursor");
    let mut back = undisturbed();
    back.turn_into(
        &shown(3, "turn-1", 106, text("turn-1", token(1, 3))),
        shown(3, "turn-1", 104, text("turn-1", token(1, 3))),
    );
    back.breaks("MonotoneCursor");
}

/// A start that takes the text back and names no epoch lets the ids begin anew, below those of the attempt before.
#[test]
fn ids_may_begin_anew_behind_a_start_that_resets_and_names_no_epoch() {
    let start = |reset: bool, epoch: Option<u64>| {
        Chunk::Start(Box::new(Start {
            turn: "turn-1".into(),
            epoch: epoch.map(Epoch),
            reset,
            answer: None,
        }))
    };
    anew(50, &start(true, None)).passes();
    for (reset, epoch) in [(false, None), (true, Some(2))] {
        assert_eq!(anew(50, &start(reset, epoch)).breaks("MonotoneCursor").got, "50");
    }
    // An id that both attempts have is two events, whatever the start says.
    let finding = anew(100, &start(true, None)).breaks("MonotoneCursor");
    assert!(finding.expected.contains("under id 102"), "{}", finding.expected);
}

/// The scene with a tail that goes on behind `cursor` with token `from`.
fn resumed(cursor: &str, from: u32) -> Play {
    let mut play = survived();
    play.put(1260, tail(4, "pod-3", "turn-1", TailMode::Cursor, Some(cursor)));
    if from == 1 {
        play.put(1261, shown(4, "turn-1", 200, begin("turn-1", true)));
    }
    for k in from..=TOKENS {
        play.put(
            1262,
            shown(4, "turn-1", 200 + 2 * u64::from(k), text("turn-1", token(2, k))),
        );
    }
    play.put(1263, shown(4, "turn-1", 250, end("turn-1", Some(Status::Completed))));
    play
}

#[test]
fn a_tail_goes_on_right_behind_its_cursor() {
    resumed("turn-1_event_206", 4).passes();
    resumed("turn-1_event_206", 5).breaks("ResumeGapFree");
    resumed("turn-1_event_206", 3).breaks("ResumeGapFree");
}

/// F5.
#[test]
fn a_made_up_cursor_may_be_answered_with_everything_where_no_frame_says_start_over() {
    resumed("turn-1_event_99999", 1).keeps("ResumeGapFree");
    with(resumed("turn-1_event_99999", 1), Capability::Resync).breaks("ResumeGapFree");
}

/// F15.
#[test]
fn a_log_that_forgets_at_its_death_may_have_holes() {
    let hole = |name: &str| {
        let mut play = undisturbed();
        play.without(|what| *what == shown(3, "turn-1", 106, text("turn-1", token(1, 3))));
        for (ms, step) in [(1203, aimed()), (1203, observed()), (1204, FaultStep::Healed)] {
            play.put(ms, fault(8, name, "redis", step));
        }
        play
    };
    hole("storage-wiped").keeps("ResumeGapFree");
    hole("backends-terminated").breaks("ResumeGapFree");
    // A turn that is asked long after the heal has all its frames.
    let mut later = hole("storage-wiped");
    later.without(|what| matches!(what, crate::history::What::Fault(_)));
    for (ms, step) in [(2, aimed()), (2, observed()), (3, FaultStep::Healed)] {
        later.put(ms, fault(8, "storage-wiped", "redis", step));
    }
    later.keeps("ResumeGapFree");
    later.delay_from(5, 4_000).breaks("ResumeGapFree");
}

#[test]
fn the_same_place_of_another_turn_is_another_place() {
    let mut play = survived();
    let [posted, accepted] = super::scene::posted(2, "turn-2", "key-2", None);
    play.put(1270, posted)
        .put(1271, super::scene::owned(120, "turn-2", None, Status::Queued))
        .put(1272, accepted)
        .put(1273, tail(5, "pod-2", "turn-2", TailMode::Start, None))
        .put(1274, shown(5, "turn-2", 204, begin("turn-2", false)))
        .put(
            1275,
            shown(
                5,
                "turn-2",
                206,
                Chunk::Error {
                    turn: "turn-2".into(),
                    message: "stopped".into(),
                },
            ),
        )
        .put(1276, shown(5, "turn-2", 208, end("turn-2", Some(Status::Cancelled))))
        .put(1277, super::scene::owned(121, "turn-2", None, Status::Cancelled));
    play.keeps("MonotoneCursor");
    play.keeps("ResumeGapFree");
}

/// One event of a stream may hold the whole text and say that the turn is over.
#[test]
fn what_one_frame_says_has_one_id() {
    let ended = |beside: Chunk| {
        let mut play = undisturbed();
        for watcher in [2, 3] {
            play.put(1231, shown(watcher, "turn-1", 150, beside.clone()));
        }
        play
    };
    ended(super::scene::whole("turn-1", answer(1))).passes();
    ended(text("turn-1", "")).breaks("MonotoneCursor");
    // Behind that frame nothing of the turn is left.
    let mut behind = ended(super::scene::whole("turn-1", answer(1)));
    behind.put(
        1260,
        tail(4, "pod-3", "turn-1", TailMode::Cursor, Some("turn-1_event_150")),
    );
    behind.keeps("TerminalReachesClient");
    let mut before = ended(super::scene::whole("turn-1", answer(1)));
    before.put(
        1260,
        tail(4, "pod-3", "turn-1", TailMode::Cursor, Some("turn-1_event_112")),
    );
    before.breaks("TerminalReachesClient");
}
