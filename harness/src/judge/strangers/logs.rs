//! Stream logs of single turns: their names say the turn, and not its thread.

use super::scene::{begin, end, shown, text, undisturbed, with};
use crate::history::{Capability, Status, StoreEvent, TailMode, WatcherEvent, What};
use crate::judge::testing::{Play, TOKENS, token};

const NAME: &str = "SliceOfTheLog";

/// A frame of a turn's tail, as the log of `turn` holds it.
fn logged(turn: &str, seq: u32, frame: What) -> What {
    let What::Watcher(WatcherEvent::Frame { cursor, chunk, .. }) = frame else {
        panic!("not a frame: {frame:?}")
    };
    What::Store(StoreEvent::Logged {
        thread: None,
        turn: Some(Box::new(turn.into())),
        seq,
        cursor,
        chunk,
    })
}

/// The scene without a fault, with the log of its turn. The log holds every token but `missing`.
fn with_a_log(turn: &str, missing: Option<u32>) -> Play {
    let mut play = with(undisturbed(), Capability::StreamLog);
    let mut frames = vec![shown(2, "turn-1", 100, begin("turn-1", false))];
    frames.extend((1..=TOKENS).filter(|k| Some(*k) != missing).map(|k| {
        let seq = 100 + 2 * u64::from(k);
        shown(2, "turn-1", seq, text("turn-1", token(1, k)))
    }));
    frames.push(shown(2, "turn-1", 150, end("turn-1", Some(Status::Completed))));
    for (seq, frame) in (1..).zip(frames) {
        play.put(1236, logged(turn, seq, frame));
    }
    play
}

#[test]
fn a_tail_is_a_slice_of_its_turn_s_log() {
    with_a_log("turn-1", None).passes();
    let finding = with_a_log("turn-1", Some(4)).breaks(NAME);
    assert_eq!(
        (finding.subject.as_str(), finding.expected.as_str()),
        ("w2 on pod-2", "no frame 108")
    );
}

#[test]
fn the_log_of_a_turn_that_nobody_has_posted_is_passed_over() {
    with_a_log("turn-9", Some(4)).keeps(NAME);
}

#[test]
fn a_log_of_turns_is_read_for_tails_of_threads_too() {
    let mut play = with_a_log("turn-1", Some(4));
    for watcher in [2, 3] {
        let pod = format!("pod-{watcher}");
        let opened = super::scene::tail(watcher, &pod, "turn-1", TailMode::Start, None);
        let mut of_thread = opened.clone();
        if let What::Watcher(WatcherEvent::TailOpened { turn, .. }) = &mut of_thread {
            *turn = None;
        }
        play.turn_into(&opened, of_thread);
    }
    assert_eq!(play.breaks(NAME).expected, "no frame 108");
}
