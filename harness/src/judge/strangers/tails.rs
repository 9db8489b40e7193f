//! Tails: what a tail of one turn is owed, and when it ended as it should.

use super::scene::{bare, begin, described, end, owned, posted, shown, survived, tail, text, undisturbed, with};
use crate::history::{Capability, Chunk, Status, TailEnd, TailMode, WatcherEvent, WatcherId, What};
use crate::judge::testing::{Play, TOKENS, aimed, closed, fault, observed, token};

/// The scene with a second turn of the thread, which ends after the tails of the first have.
fn second_turn() -> Play {
    let mut play = undisturbed();
    let [posted, accepted] = posted(2, "turn-2", "key-2", None);
    play.put(1100, posted)
        .put(1101, owned(110, "turn-2", None, Status::Queued))
        .put(1102, accepted)
        .put(1103, owned(111, "turn-2", Some("pod-3"), Status::InProgress))
        .put(1350, owned(112, "turn-2", None, Status::Failed));
    play
}

/// F2.
#[test]
fn a_tail_of_one_turn_is_not_owed_the_threads_other_turns() {
    let play = second_turn();
    for promise in [
        "TerminalReachesClient",
        "LateAttachEquivalence",
        "WatchersAgree",
        "LiveDurableAgreement",
    ] {
        play.keeps(promise);
    }
}

#[test]
fn a_tail_that_ends_before_its_own_turn_does_is_found() {
    let mut play = undisturbed();
    play.without(|what| *what == shown(3, "turn-1", 150, end("turn-1", Some(Status::Completed))));
    let finding = play.breaks("TerminalReachesClient");
    assert_eq!(finding.subject, "w3 on pod-3, turn turn-1");
    assert!(finding.got.starts_with("the tail ended without it"), "{}", finding.got);
}

/// F4: an attach of a finished turn is shown all of it.
#[test]
fn a_tail_of_a_finished_turn_is_owed_all_of_it() {
    let replay = |whole: bool| {
        let mut play = undisturbed();
        play.put(1260, tail(4, "pod-3", "turn-1", TailMode::Start, None))
            .put(1261, shown(4, "turn-1", 100, begin("turn-1", false)));
        if whole {
            for k in 1..=TOKENS {
                play.put(
                    1262,
                    shown(4, "turn-1", 100 + 2 * u64::from(k), text("turn-1", token(1, k))),
                );
            }
        }
        play.put(1263, shown(4, "turn-1", 150, end("turn-1", Some(Status::Completed))))
            .put(1264, closed(4, TailEnd::Eof));
        play
    };
    replay(true).passes();
    replay(false).breaks("LateAttachEquivalence");
}

#[test]
fn a_tail_of_what_comes_is_owed_the_end_and_not_the_beginning() {
    let live = |finish: bool| {
        let mut play = undisturbed();
        play.put(1205, tail(4, "pod-3", "turn-1", TailMode::Live, None));
        for k in 5..=TOKENS {
            play.put(
                1210,
                shown(4, "turn-1", 100 + 2 * u64::from(k), text("turn-1", token(1, k))),
            );
        }
        if finish {
            play.put(1232, shown(4, "turn-1", 150, end("turn-1", Some(Status::Completed))));
        }
        with(play, Capability::Live)
    };
    live(true).passes();
    // The row of the end may have been read late: a tail that opened just before it is owed nothing.
    let mut early = live(false);
    let opened = tail(4, "pod-3", "turn-1", TailMode::Live, None);
    early.move_to(100, &opened);
    early.breaks("TerminalReachesClient");
}

#[test]
fn an_end_that_says_no_status_is_an_end() {
    let mut play = undisturbed();
    for watcher in [2, 3] {
        play.turn_into(
            &shown(watcher, "turn-1", 150, end("turn-1", Some(Status::Completed))),
            shown(watcher, "turn-1", 150, end("turn-1", None)),
        );
    }
    play.passes();
    let mut other = undisturbed();
    other.turn_into(
        &shown(3, "turn-1", 150, end("turn-1", Some(Status::Completed))),
        shown(3, "turn-1", 150, end("turn-1", Some(Status::Failed))),
    );
    other.breaks("TerminalExactlyOne");
}

/// A tail that says that it failed itself, beside a fault or none.
#[test]
fn a_tail_that_fails_itself_is_excused_by_what_broke_before() {
    let failed = |from: Option<u64>| {
        let mut play = undisturbed();
        play.without(|what| *what == shown(3, "turn-1", 150, end("turn-1", Some(Status::Completed))));
        let reason = "stream closed".to_owned();
        play.put(1229, bare(3, Chunk::Broken { reason }));
        if let Some(ms) = from {
            play.put(ms, fault(7, "kill", "redis", aimed()))
                .put(ms, fault(7, "kill", "redis", observed()))
                .put(ms + 100, fault(7, "kill", "redis", crate::history::FaultStep::Healed));
        }
        play
    };
    failed(Some(900)).keeps("TerminalReachesClient");
    failed(None).breaks("TerminalReachesClient");
}

/// F14 of streaming posts: the answer to the post is itself the tail of its turn.
#[test]
fn the_answer_of_a_streaming_post_is_a_tail_of_its_turn() {
    let streamed = |tokens: u32| {
        let mut play = undisturbed();
        let [_, old] = posted(1, "turn-1", "key-1", None);
        let [_, accepted] = posted(1, "turn-1", "key-1", Some(7));
        play.turn_into(&old, accepted);
        play.put(
            6,
            What::Watcher(WatcherEvent::TailOpened {
                watcher: WatcherId(7),
                pod: "pod-1".into(),
                thread: "t-1".into(),
                turn: None,
                mode: TailMode::Start,
                cursor: None,
                form: crate::history::CursorForm::default(),
                role: "post".into(),
                asked_us: 5000,
                session: None,
            }),
        );
        play.put(1202, shown(7, "turn-1", 100, begin("turn-1", false)));
        for k in 1..=tokens {
            play.put(
                1210,
                shown(7, "turn-1", 100 + 2 * u64::from(k), text("turn-1", token(1, k))),
            );
        }
        play.put(1232, shown(7, "turn-1", 150, end("turn-1", Some(Status::Completed))))
            .put(1234, closed(7, TailEnd::Eof));
        play
    };
    streamed(TOKENS).passes();
    assert_eq!(
        streamed(4).breaks("LateAttachEquivalence").subject,
        "w7 on pod-1, turn turn-1"
    );
}

/// A 204 is the answer of a pod that has nothing to show.
#[test]
fn nothing_to_show_is_an_answer_once_the_turn_is_over() {
    let refused = |ms: u64| {
        let mut play = undisturbed();
        play.move_to(100, &owned(40, "turn-1", Some("pod-1"), Status::InProgress));
        play.put(
            ms,
            What::Watcher(WatcherEvent::TailRefused {
                watcher: WatcherId(9),
                pod: "pod-3".into(),
                thread: "t-1".into(),
                turn: Some(Box::new("turn-1".into())),
                cursor: None,
                form: crate::history::CursorForm::default(),
                asked_us: ms * 1000,
                session: None,
                status: Some(204),
                reason: "status 204".into(),
                garbled: false,
            }),
        );
        play
    };
    refused(2500).keeps("FramesWhole");
    refused(1220).breaks("FramesWhole");
    // Another turn of the thread may be in flight all the same.
    let mut beside = refused(2500);
    let [asked, accepted] = posted(2, "turn-2", "key-2", None);
    beside
        .put(1241, asked)
        .put(1242, accepted)
        .put(1243, owned(120, "turn-2", Some("pod-1"), Status::InProgress));
    beside.keeps("FramesWhole");
}

#[test]
fn a_screen_of_an_older_turn_says_nothing_of_a_newer_one() {
    let play = second_turn();
    play.keeps("EpochIsolation");
    let in_part = play.judged().judged_in_part;
    let clause = |part: &crate::verdict::InPart| {
        part.promise == "EpochIsolation" && part.clause.starts_with("no frame of an older")
    };
    assert!(in_part.iter().any(clause), "{in_part:?}");
    let with_tails = described(survived(), |began| began.capabilities.push(Capability::ThreadTail));
    assert!(!with_tails.judged().judged_in_part.iter().any(clause));
}
