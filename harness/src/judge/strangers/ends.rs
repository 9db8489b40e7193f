//! Ends: what rows, tails, readings and the status call say of a turn's end, each in its own words.

use super::scene::{
    asked, described, end, left, owned, read, run, settle, shown, status_read, survived, text, undisturbed, whole,
    without_ids,
};
use crate::history::{Capability, Row, Status, StoreEvent, What};
use crate::judge::testing::{ERROR, Play, TOKENS, answer, call_ends, read as read_answer, takeover, token};

const NAME: &str = "TerminalExactlyOne";

fn ended(watcher: u32, status: Status) -> What {
    shown(watcher, "turn-1", 150, end("turn-1", Some(status)))
}

/// A pod takes the lock of a turn that another one has completed, and gives it back: the text is the same all along.
#[test]
fn a_turn_that_two_pods_complete_is_found_though_their_texts_are_the_same() {
    let again = |pod: &str| {
        let mut play = undisturbed();
        play.put(1260, owned(120, "turn-1", Some(pod), Status::Completed))
            .put(1261, owned(121, "turn-1", None, Status::Completed));
        play
    };
    again("pod-1").passes();
    let finding = again("pod-3").breaks("WriterFencing");
    assert_eq!(finding.subject, "turn turn-1 after its end");
    assert_eq!(finding.got, "owned by pod-3");
}

/// The pod that is asked in the middle of the run says what nobody says in the end.
#[test]
fn an_end_that_a_pod_once_told_otherwise_is_found() {
    let told = |status: Status| {
        let mut play = undisturbed();
        play.put(1300, status_read("pod-3", "turn-1", status, Some("no")));
        play
    };
    told(Status::Completed).passes();
    told(Status::InProgress).passes();
    let finding = told(Status::Failed).breaks(NAME);
    assert_eq!(finding.subject, "status read from pod-3, turn turn-1");
    assert_eq!(
        (finding.expected.as_str(), finding.got.as_str()),
        ("Completed for good", "Failed")
    );

    let mut in_a_thread = takeover();
    in_a_thread.put(1310, read_answer("pod-3", Status::Failed, answer(2), Some(ERROR)));
    assert_eq!(in_a_thread.breaks(NAME).subject, "thread read from pod-3, turn turn-1");
}

/// No row says how the turn ended.
#[test]
fn two_screens_that_are_shown_two_ends_are_found_without_a_row() {
    let shown_ends = |status: Status| {
        let mut play = undisturbed();
        play.without(|what| {
            matches!(
                what,
                What::Store(StoreEvent::Row { row: Row::Turn(_), .. } | StoreEvent::TerminalProbe { .. })
            )
        });
        play.turn_into(&ended(3, Status::Completed), ended(3, status));
        let lacks = [Capability::EveryCommit, Capability::Owner, Capability::Cursor];
        described(play, |began| began.capabilities.retain(|can| !lacks.contains(can)))
    };
    shown_ends(Status::Completed).keeps(NAME);
    let finding = shown_ends(Status::Cancelled).breaks(NAME);
    assert_eq!(finding.subject, "w3 on pod-3, turn turn-1");
    assert_eq!(finding.expected, "a finish as Completed, as w2 on pod-2 was shown");
}

#[test]
fn an_end_before_the_last_token_on_one_screen_alone_is_found() {
    let mut play = undisturbed();
    let last = || text("turn-1", token(1, TOKENS));
    play.turn_into(
        &shown(3, "turn-1", 112, last()),
        shown(3, "turn-1", 112, end("turn-1", Some(Status::Completed))),
    );
    play.turn_into(&ended(3, Status::Completed), shown(3, "turn-1", 150, last()));
    for play in [play.clone(), without_ids(play)] {
        assert_eq!(play.breaks("NoPhantom").subject, "w3 on pod-3, turn turn-1");
    }
}

/// The client took the answer for whole one token before its end, and the screen is right a moment later.
#[test]
fn a_whole_text_that_mends_a_screen_behind_its_end_is_found() {
    let mended = |lacks: bool| {
        let mut play = undisturbed();
        if lacks {
            play.without(|what| *what == shown(3, "turn-1", 112, text("turn-1", token(1, TOKENS))));
        }
        play.turn_into(
            &ended(3, Status::Completed),
            shown(3, "turn-1", 151, whole("turn-1", answer(1))),
        )
        .put(1229, ended(3, Status::Completed));
        without_ids(play)
    };
    mended(false).passes();
    let finding = mended(true).breaks("NoPhantom");
    assert_eq!(finding.expected, "nothing more of the turn after its finish");
}

/// A turn that was stopped at token 3, of which the tail of watcher 3 goes on to `until`.
fn stopped(until: u32) -> Play {
    let mut play = asked();
    run(&mut play, 1200, (40, 1, "pod-1"), &[2, 3], 1..=3);
    for k in 4..=until {
        play.at(
            1212,
            shown(3, "turn-1", 100 + 2 * u64::from(k), text("turn-1", token(1, k))),
        );
    }
    play.put(1206, super::scene::cancelled("pod-2"))
        .put(1207, call_ends(1, "pod-1", "client_gone"))
        .put(1208, owned(99, "turn-1", None, Status::Cancelled));
    for watcher in [2, 3] {
        play.at(1232, ended(watcher, Status::Cancelled)).at(1233, left(watcher));
    }
    settle(&mut play);
    let mut play = without_ids(play);
    for pod in ["pod-1", "pod-2", "pod-3"] {
        play.turn_into(
            &read(pod, "key-1", Some(answer(1))),
            read(pod, "key-1", Some(beginning(3))),
        )
        .turn_into(
            &status_read(pod, "turn-1", Status::Completed, None),
            status_read(pod, "turn-1", Status::Cancelled, None),
        );
    }
    play
}

/// The first tokens of the answer.
fn beginning(tokens: u32) -> String {
    (1..=tokens).map(|k| token(1, k)).collect()
}

/// No row holds the text.
#[test]
fn an_answer_that_grows_on_one_screen_after_its_stop_is_found() {
    stopped(3).keeps("LateAttachEquivalence");
    let finding = stopped(5).breaks("LateAttachEquivalence");
    assert_eq!(finding.subject, "w2 on pod-2, turn turn-1");
    assert!(finding.expected.starts_with("`~key-1.c1.k4."), "{}", finding.expected);
}

/// No row holds the text.
#[test]
fn an_answer_that_grows_between_two_readings_after_its_stop_is_found() {
    stopped(3).keeps("LiveDurableAgreement");
    let mut play = stopped(3);
    play.turn_into(
        &read("pod-3", "key-1", Some(beginning(3))),
        read("pod-3", "key-1", Some(beginning(4))),
    );
    let finding = play.breaks("LiveDurableAgreement");
    assert_eq!(finding.subject, "thread read from pod-3, turn turn-1");
}

#[test]
fn tokens_that_change_places_between_two_attempts_on_one_screen_are_found() {
    let mut play = survived();
    let second = |call: u32| shown(3, "turn-1", u64::from(call) * 100 + 4, text("turn-1", token(call, 2)));
    let swapped = |call: u32| {
        shown(
            3,
            "turn-1",
            u64::from(call) * 100 + 4,
            text("turn-1", token(3 - call, 2)),
        )
    };
    for call in [1, 2] {
        play.turn_into(&second(call), swapped(call));
    }
    for promise in ["NoSplice", "WatchersAgree", "FinalTextExactlyOnce"] {
        assert_eq!(play.breaks(promise).subject, "w3 on pod-3, turn turn-1");
    }
    // Only the attempt that is taken back holds the other's token.
    play.turn_into(&swapped(2), second(2));
    play.breaks("WatchersAgree");
}
