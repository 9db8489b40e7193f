//! Tails that go on from a cursor, or say that they cannot: short histories both ways.

use crate::history::{Chunk, CursorForm, FaultStep, Status, WatcherEvent, What};
use crate::judge::testing::{
    Play, aimed, delta, fault, finish, is_frame_of, logged, observed, opened, resync, start, state, takeover, token,
};

const NAME: &str = "ResumeGapFree";

/// The good run, in which a sixth watcher resumes from `cursor` at `ms` on pod-2.
fn resumed(cursor: &str, ms: u64) -> Play {
    let mut play = takeover();
    play.put(ms, opened(6, "pod-2", Some(cursor)))
        .put(ms, state(6, Status::InProgress, Some("turn-1")));
    play
}

/// Shows the sixth watcher the frames of attempt 2 behind `seq`, to the end.
fn shown_behind(play: &mut Play, seq: u64) {
    for k in seq + 1..=6 {
        play.put(1229, delta(6, 2, k, token(2, k as u32)));
    }
    play.put(1231, finish(6, 2, 7, Status::Completed));
}

#[test]
fn tails_without_a_hole_are_accepted() {
    takeover().keeps(NAME);
    let mut play = resumed("2-3", 1206);
    shown_behind(&mut play, 3);
    play.passes();
}

#[test]
fn a_hole_is_found_and_shown_against_the_log() {
    let mut play = takeover();
    play.without(|what| *what == delta(3, 2, 4, token(2, 4)) || *what == delta(3, 2, 5, token(2, 5)));
    let finding = play.breaks(NAME);
    assert_eq!(finding.expected, "2-4 right behind 2-3, or a resync");
    let lines: Vec<&str> = finding.got.lines().map(str::trim).collect();
    assert_eq!(lines[0], "a hole of 2 frames in the thread's log");
    assert!(lines[2].starts_with("2-3 text `~key-1.c2.k3."), "{}", lines[2]);
    assert!(
        lines[3].starts_with("- 2-4 ") && lines[4].starts_with("- 2-5 "),
        "{lines:?}"
    );
    assert!(lines[5].starts_with("2-6 "), "{lines:?}");
}

#[test]
fn a_tail_that_skips_or_falls_silent_behind_its_cursor_is_found() {
    let mut play = resumed("2-3", 1206);
    shown_behind(&mut play, 4);
    assert_eq!(play.breaks(NAME).expected, "2-4 right behind 2-3, or a resync");

    let play = resumed("2-3", 1206);
    let finding = play.breaks(NAME);
    assert_eq!(finding.expected, "2-4 right behind 2-3");
    assert!(finding.got.starts_with("nothing in "), "{}", finding.got);
}

#[test]
fn a_tail_that_goes_on_or_resyncs_only_past_the_bound_is_found() {
    let mut play = resumed("2-3", 1206);
    shown_behind(&mut play, 3);
    play.keeps(NAME);
    for seq in 4..=6 {
        play.move_to(2300, &delta(6, 2, seq, token(2, seq as u32)));
    }
    play.move_to(2300, &finish(6, 2, 7, Status::Completed));
    let finding = play.breaks(NAME);
    assert_eq!(finding.expected, "2-4 right behind 2-3");
    assert!(finding.got.starts_with("nothing in 109"), "{}", finding.got);
    play.put(1206, fault(2, "pause", "pod-2", aimed()))
        .put(1207, fault(2, "pause", "pod-2", observed()))
        .put(2000, fault(2, "pause", "pod-2", FaultStep::Healed));
    play.keeps(NAME);

    let mut play = resumed("77-1", 1206);
    play.put(2300, resync(6)).put(2300, start(6, 2, false));
    let finding = play.breaks(NAME);
    assert_eq!(
        (finding.expected.as_str(), finding.got.as_str()),
        ("a resync", "nothing in 1094 ms")
    );
}

#[test]
fn a_takeover_voids_the_rest_of_the_attempt_before() {
    let mut play = takeover();
    play.without(|what| *what == delta(3, 1, 3, token(1, 3)));
    play.keeps(NAME);
    // Without the reset nothing is void.
    play.turn_into(&start(3, 2, true), start(3, 2, false));
    assert_eq!(play.breaks(NAME).expected, "1-3 right behind 1-2, or a resync");
}

/// The good run, in which a sixth watcher resumes from `cursor`, given so, on pod-2.
fn resumed_by(form: CursorForm, cursor: &str) -> Play {
    let mut play = resumed(cursor, 1206);
    let mut by = opened(6, "pod-2", Some(cursor));
    if let What::Watcher(WatcherEvent::TailOpened { form: of, .. }) = &mut by {
        *of = form;
    }
    play.turn_into(&opened(6, "pod-2", Some(cursor)), by);
    play
}

/// A pod that does not listen while the sixth watcher waits for an answer.
fn pause_of_its_pod(play: &mut Play) {
    play.put(1206, fault(2, "pause", "pod-2", aimed()))
        .put(1207, fault(2, "pause", "pod-2", observed()))
        .put(9000, fault(2, "pause", "pod-2", FaultStep::Healed));
}

#[test]
fn a_cursor_in_the_address_counts_like_one_in_the_header() {
    for (form, told) in [
        (CursorForm::LastEventId, "given as `Last-Event-ID`, or"),
        (CursorForm::After, "given as `after`, or"),
        (
            CursorForm::AfterBesideEmptyHeader,
            "given as `after`, beside an empty `Last-Event-ID`, or",
        ),
    ] {
        let silent = resumed_by(form, "2-3");
        let mut behind = silent.clone();
        shown_behind(&mut behind, 3);
        behind.passes();

        let mut anew = silent.clone();
        anew.put(1207, start(6, 2, false));
        shown_behind(&mut anew, 0);
        let finding = anew.breaks(NAME);
        assert!(finding.expected.contains(told), "{}", finding.expected);
        assert!(finding.got.starts_with("2-0, as "), "{}", finding.got);

        assert_eq!(silent.breaks(NAME).expected, "2-4 right behind 2-3");
        let mut paused = silent;
        pause_of_its_pod(&mut paused);
        paused.keeps(NAME);
    }
}

#[test]
fn a_cursor_that_is_no_place_of_the_thread_gives_a_resync_in_every_form() {
    let foreign = "2-3-0123abcd";
    let far = "18446744073709551615-18446744073709551615";
    for cursor in [foreign, "7779-1", far, "undefined"] {
        for form in [
            CursorForm::LastEventId,
            CursorForm::After,
            CursorForm::AfterBesideEmptyHeader,
        ] {
            let silent = resumed_by(form, cursor);
            let mut resynced = silent.clone();
            resynced.put(1207, resync(6)).put(1207, start(6, 2, false));
            shown_behind(&mut resynced, 0);
            resynced.passes();

            let mut taken = silent.clone();
            shown_behind(&mut taken, 3);
            let finding = taken.breaks(NAME);
            assert!(
                finding.expected.starts_with("a resync, for no watcher"),
                "{}",
                finding.expected
            );

            assert_eq!(silent.breaks(NAME).expected, "a resync");
            let mut paused = silent;
            pause_of_its_pod(&mut paused);
            paused.keeps(NAME);
        }
    }
}

#[test]
fn a_cursor_that_nobody_was_given_must_give_a_resync() {
    let mut play = resumed("77-1", 1206);
    let silent = play.clone();
    assert_eq!(silent.breaks(NAME).expected, "a resync");
    shown_behind(&mut play, 3);
    assert!(play.breaks(NAME).expected.starts_with("a resync, for no watcher"));

    let mut play = resumed("77-1", 1206);
    play.put(1207, resync(6)).put(1207, start(6, 2, false));
    shown_behind(&mut play, 0);
    play.passes();
}

#[test]
fn a_cursor_whose_frame_was_cleared_before_anybody_read_it_may_be_gone_on_from() {
    // The head of the first attempt is 1-3 as the sixth watcher asks, and the second attempt clears what is behind it.
    let cleared = |frames: &[What]| {
        let mut play = resumed("1-4", 1190);
        for frame in frames {
            play.put(1201, frame.clone());
        }
        play.put(1202, start(6, 2, true));
        shown_behind(&mut play, 0);
        play
    };
    cleared(&[]).passes();
    // The first attempt may have held more, of which the tail misses nothing either.
    cleared(&[delta(6, 1, 5, token(1, 5))]).keeps(NAME);
    let hole = cleared(&[delta(6, 1, 6, token(1, 6))]).breaks(NAME);
    assert!(
        hole.expected.starts_with("a resync, for no watcher"),
        "{}",
        hole.expected
    );

    // Without the reset the client keeps what it has of the attempt before.
    let mut kept = cleared(&[]);
    kept.turn_into(&start(6, 2, true), start(6, 2, false));
    assert!(kept.breaks(NAME).expected.starts_with("a resync, for no watcher"));

    // If the log shows the two attempts side by side, there never was a 1-4.
    let played = |second: u32| {
        let mut play = cleared(&[]);
        play.put(20, logged(103, delta(1, 1, 3, token(1, 3))));
        play.put(1203, logged(second, start(2, 2, true)));
        play
    };
    played(105).keeps(NAME);
    assert!(
        played(104)
            .breaks(NAME)
            .expected
            .starts_with("a resync, for no watcher")
    );
}

#[test]
fn a_cursor_just_past_the_head_gives_a_resync_or_what_comes_behind_it() {
    // 2-5 is shown to others at 1207 at the earliest.
    let ahead = || {
        let mut play = takeover();
        play.put(1206, opened(6, "pod-2", Some("2-5")))
            .put(1206, state(6, Status::InProgress, Some("turn-1")));
        play
    };
    let mut behind = ahead();
    shown_behind(&mut behind, 5);
    behind.passes();
    let mut anew = ahead();
    anew.put(1207, resync(6)).put(1207, start(6, 2, false));
    shown_behind(&mut anew, 0);
    anew.passes();
    // A slow reader opens late: what counts is when it asked.
    let mut slow = takeover();
    let mut asked = opened(6, "pod-2", Some("2-5"));
    if let What::Watcher(WatcherEvent::TailOpened { asked_us, .. }) = &mut asked {
        *asked_us = 1_206_000;
    }
    slow.put(1220, asked).put(1221, resync(6)).put(1222, start(6, 2, false));
    shown_behind(&mut slow, 0);
    slow.passes();
    let mut prompt = takeover();
    prompt.put(1220, opened(6, "pod-2", Some("2-5"))).put(1221, resync(6));
    assert!(prompt.breaks(NAME).got.starts_with("a resync"));
    // Nothing lies between.
    let mut hole = ahead();
    hole.put(1231, finish(6, 2, 7, Status::Completed));
    assert_eq!(hole.breaks(NAME).expected, "2-6 right behind 2-5, or a resync");
    assert_eq!(ahead().breaks(NAME).expected, "2-6 right behind 2-5");
    // Past the end of everything there is only the resync.
    let mut past = takeover();
    past.put(1240, opened(6, "pod-2", Some("2-8")))
        .put(1240, state(6, Status::Completed, Some("turn-1")));
    assert_eq!(past.breaks(NAME).expected, "a resync");
    past.put(1241, resync(6)).put(1241, start(6, 2, false));
    shown_behind(&mut past, 0);
    past.keeps(NAME);
}

#[test]
fn a_resync_for_nothing_is_found() {
    let mut play = resumed("2-3", 1206);
    play.put(1207, resync(6)).put(1207, start(6, 2, false));
    shown_behind(&mut play, 0);
    let good = play.clone();
    assert!(play.breaks(NAME).got.starts_with("a resync: purged"));
    // A broken dependency is a reason, and so is a newer attempt.
    play.put(1190, fault(2, "kill", "nats", aimed()));
    play.keeps(NAME);
    let mut play = good;
    play.turn_into(&opened(6, "pod-2", Some("2-3")), opened(6, "pod-2", Some("1-3")));
    play.passes();
}

/// A fault of a dependency excuses the turns that ran while it was in force, and what comes shortly after its heal.
#[test]
fn a_resync_long_after_a_fault_of_a_dependency_is_found() {
    let mut play = resumed("2-3", 1206);
    play.put(1207, resync(6)).put(1207, start(6, 2, false));
    shown_behind(&mut play, 0);
    for (ms, step) in [(2, aimed()), (3, observed()), (4, FaultStep::Healed)] {
        play.put(ms, fault(2, "stop", "nats", step));
    }
    play.keeps(NAME);
    play.delay_from(5, 4_000);
    assert!(play.breaks(NAME).got.starts_with("a resync: purged"));
    // One that ran while the broker was away may have to be read anew, however much later.
    let mut play = takeover();
    for (ms, step) in [(1_205, aimed()), (1_206, observed()), (1_207, FaultStep::Healed)] {
        play.put(ms, fault(2, "stop", "nats", step));
    }
    play.put(9_000, opened(6, "pod-2", None)).put(9_001, resync(6));
    play.keeps(NAME);
}

#[test]
fn a_resync_without_a_cursor_and_a_claim_is_found() {
    let mut play = takeover();
    play.put(250, resync(2));
    play.keeps(NAME);
    let mut late = takeover();
    late.put(9000, opened(6, "pod-2", None)).put(9001, resync(6));
    assert!(
        late.breaks(NAME)
            .expected
            .starts_with("the turn in flight from its start")
    );
}

#[test]
fn a_tail_that_left_at_once_or_has_no_ids_is_not_judged() {
    let mut play = resumed("2-3", 1206);
    play.put(1207, crate::judge::testing::closed(6, crate::history::TailEnd::Left));
    play.keeps(NAME);
    // The play's end cut a visit with a strange cursor short: its bound of one second was not over.
    let mut cut = resumed("77-1", 1206);
    cut.put(2150, crate::judge::testing::closed(6, crate::history::TailEnd::Left));
    cut.keeps(NAME);
    let mut outstayed = resumed("77-1", 1206);
    outstayed.put(3206, crate::judge::testing::closed(6, crate::history::TailEnd::Left));
    assert_eq!(outstayed.breaks(NAME).expected, "a resync");
    let mut play = takeover();
    play.without(|what| {
        is_frame_of(5)(what) && !matches!(what, What::Watcher(WatcherEvent::Frame { chunk: Chunk::Done, .. }))
    });
    play.keeps(NAME);
}
