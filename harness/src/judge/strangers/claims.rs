//! Claims: owners, attempts and calls that are each a little off, and that another record of the same moment gives away.

use super::scene::{asked, call_asked, end, owned, shown, tail, text, undisturbed, with};
use crate::history::{Capability, Epoch, FaultStep, Row, Start, Status, StoreEvent, TailMode, What};
use crate::history::{Chunk, ClientEvent, WatcherEvent};
use crate::judge::testing::{
    self as events, FRIENDLY, Play, TOKENS, accepted, aimed, call_ends, delta, fault, frame_of, observed, posted,
    taken_from_a_live_owner, takeover, thread_row, token, turn_row,
};

/// A row of a turn that names its owner, and an epoch.
fn at_epoch(xid: u64, owner: Option<&str>, epoch: u64, status: Status) -> What {
    let mut row = owned(xid, "turn-1", owner, status);
    if let What::Store(StoreEvent::Row {
        row: Row::Turn(turn), ..
    }) = &mut row
    {
        turn.epoch = Some(Epoch(epoch));
    }
    row
}

/// Turns have owners of their own, and threads none.
#[test]
fn an_epoch_of_a_turn_that_two_pods_own_is_found() {
    let claimed = |second: &str, epoch: u64| {
        let mut play = asked();
        play.put(1200, at_epoch(40, Some("pod-1"), 1, Status::InProgress))
            .put(1203, at_epoch(41, Some(second), epoch, Status::InProgress))
            .put(1210, at_epoch(42, None, epoch, Status::Completed));
        super::scene::settle(&mut play);
        with(play, Capability::Epoch)
    };
    claimed("pod-1", 1).keeps("SingleActiveTurn");
    claimed("pod-3", 2).keeps("SingleActiveTurn");
    let finding = claimed("pod-3", 1).breaks("SingleActiveTurn");
    assert_eq!(
        (finding.subject.as_str(), finding.expected.as_str()),
        ("turn turn-1", "pod-1 as the only owner at epoch 1")
    );
}

#[test]
fn an_epoch_that_goes_back_is_found_on_a_turn_on_a_thread_and_on_a_screen_without_ids() {
    let mut rows = takeover();
    rows.put(1210, turn_row(61, "turn-1", 1, Status::InProgress))
        .put(1211, turn_row(62, "turn-1", 2, Status::InProgress));
    assert_eq!(rows.breaks("WriterFencing").subject, "row of turn turn-1");
    let mut rows = takeover();
    rows.put(1210, thread_row(61, Some("pod-2"), 1, Status::InProgress))
        .put(1211, thread_row(62, Some("pod-2"), 2, Status::InProgress));
    assert_eq!(rows.breaks("WriterFencing").subject, "row of thread t-1");

    let begins = |epoch: u64| {
        let (turn, answer) = ("turn-1".into(), Some("answer-1".into()));
        let (epoch, reset) = (Some(Epoch(epoch)), true);
        let start = Start {
            turn,
            epoch,
            reset,
            answer,
        };
        frame_of(3, None, Chunk::Start(Box::new(start)))
    };
    let mut screen = takeover();
    screen.put(1202, begins(2)).put(1202, begins(2));
    screen.keeps("WriterFencing");
    let mut screen = takeover();
    screen.put(1202, begins(1)).put(1202, begins(2));
    assert_eq!(screen.breaks("WriterFencing").subject, "w3 on pod-3");
}

/// The turn's own row is not written again until the turn is over.
#[test]
fn a_turn_that_a_peer_takes_from_the_living_is_found_by_its_threads_row_alone() {
    let taken = |still_ms: u64| {
        let mut play = taken_from_a_live_owner(still_ms);
        play.without(|what| *what == turn_row(40, "turn-1", 2, Status::InProgress));
        play
    };
    let finding = taken(FRIENDLY).breaks("NoFriendlyFire");
    assert_eq!(finding.got, "taken by pod-2 at epoch 2");
    taken(3_000).keeps("NoFriendlyFire");
    // A sweeper that ends the turn of a dead owner at once claims nothing.
    let mut swept = taken(FRIENDLY);
    swept.without(|what| *what == thread_row(40, Some("pod-2"), 2, Status::InProgress));
    swept.keeps("NoFriendlyFire");
}

/// pod-3 dies between its claim and its call, so that two claims stand beside one call; pod-1 completes the turn. It is called for again by
/// `pod` at `ms`.
fn called_again(pod: &str, ms: u64) -> Play {
    let mut play = undisturbed();
    play.put(12, owned(20, "turn-1", Some("pod-3"), Status::InProgress))
        .put(40, fault(1, "kill", "pod-3", aimed()))
        .put(41, fault(1, "kill", "pod-3", observed()))
        .put(1100, owned(30, "turn-1", None, Status::Queued))
        .put(1250, fault(1, "kill", "pod-3", FaultStep::Healed));
    play.delay_from(1300, 5000)
        .put(ms, call_asked(2, pod))
        .put(ms + 10, call_ends(2, pod, "client_gone"));
    play
}

/// As many calls as claims: the number tells nothing.
#[test]
fn a_call_for_a_turn_that_is_over_is_found() {
    const NAME: &str = "BoundedProviderWork";
    called_again("pod-1", 1210).keeps(NAME);
    let finding = called_again("pod-1", 4000).breaks(NAME);
    assert_eq!(finding.subject, "provider calls for `key-1`");
    assert_eq!(finding.expected, "no call once turn turn-1 is over");
    // The end is read some time after its commit, and an owner that stood still does not know of it.
    called_again("pod-1", 2000).keeps(NAME);
    called_again("pod-3", 4000).keeps(NAME);
    for name in ["pause", "hold at after-claim-before-call"] {
        let mut woken = called_again("pod-1", 4000);
        woken
            .put(1100, fault(2, name, "pod-1", aimed()))
            .put(3990, fault(2, name, "pod-1", FaultStep::Healed));
        woken.keeps(NAME);
    }
}

/// The row of turn-3 says nothing of its run.
#[test]
fn a_waiting_turn_that_is_over_before_the_one_in_front_of_it_is_found() {
    let queued = |order: [(&str, u64); 2]| {
        let mut play = takeover();
        for (ms, op, turn) in [(1_300, 2, "turn-2"), (1_303, 3, "turn-3")] {
            play.put(
                ms,
                posted(op, "t-1", &turn.replace("turn", "m"), &turn.replace("turn", "key")),
            )
            .put(ms + 1, turn_row(108 + u64::from(op), turn, 0, Status::Queued))
            .put(ms + 2, accepted(op, turn));
        }
        for (xid, (turn, ms)) in (120..).zip(order) {
            play.put(ms, turn_row(xid, turn, xid - 117, Status::Completed));
        }
        play
    };
    queued([("turn-2", 1_320), ("turn-3", 1_330)]).keeps("QueueOrder");
    let finding = queued([("turn-3", 1_320), ("turn-2", 1_330)]).breaks("QueueOrder");
    assert_eq!(finding.got, "turn turn-3 begins first");
}

/// The post, of another message.
fn as_message(id: &str, mut post: What) -> What {
    if let What::Client(ClientEvent::Posted { message, .. }) = &mut post {
        *message = id.into();
    }
    post
}

/// Every promise on turns looks at turn-1 alone.
#[test]
fn a_message_that_is_acknowledged_with_the_turn_of_another_is_found() {
    let acknowledged = |message: &str, key: &str| {
        let mut play = takeover();
        play.put(1_300, posted(2, "t-1", message, key))
            .put(1_302, accepted(2, "turn-1"));
        play
    };
    acknowledged("m-1", "key-1").passes();
    let finding = acknowledged("m-2", "key-2").breaks("NoLostAck");
    assert_eq!(finding.subject, "message m-2");
    assert_eq!(finding.got, "turn turn-1, which is of message m-1");
    // Where no row says whose a turn is, a message may have joined it.
    let [asked, accepted] = super::scene::posted(2, "turn-1", "key-2", None);
    let mut joined = undisturbed();
    joined.put(1_206, as_message("m-2", asked)).put(1_207, accepted);
    joined.keeps("NoLostAck");
}

#[test]
fn a_late_tail_that_is_given_the_beginning_twice_is_found() {
    let late = |again: u32| {
        let mut play = undisturbed();
        play.put(1206, tail(4, "pod-3", "turn-1", TailMode::Start, None))
            .put(1206, shown(4, "turn-1", 100, super::scene::begin("turn-1", false)));
        let twice = (1..=3).chain(1..=again).chain(4..=TOKENS);
        for (seq, k) in (101..).zip(twice) {
            play.put(1210, shown(4, "turn-1", seq, text("turn-1", token(1, k))));
        }
        play.put(1232, shown(4, "turn-1", 150, end("turn-1", Some(Status::Completed))));
        play
    };
    for promise in ["FinalTextExactlyOnce", "LateAttachEquivalence", "WatchersAgree"] {
        late(0).keeps(promise);
        assert_eq!(late(3).breaks(promise).subject, "w4 on pod-3, turn turn-1");
    }
    // The same in one frame, under an id of the log.
    let mut joined = takeover();
    joined.turn_into(&delta(4, 2, 2, token(2, 2)), delta(4, 2, 2, token(2, 1) + &token(2, 2)));
    for promise in ["FinalTextExactlyOnce", "LateAttachEquivalence", "MonotoneCursor"] {
        joined.breaks(promise);
    }
}

#[test]
fn ids_that_go_back_behind_a_resume_are_found_on_the_tail_that_resumed() {
    let resumed = |places: &[u64]| {
        let mut play = undisturbed();
        let cursor = Some("turn-1_event_106");
        play.put(1210, tail(4, "pod-2", "turn-1", TailMode::Cursor, cursor));
        for place in places {
            let k = (*place - 100) / 2;
            play.put(
                1215,
                shown(
                    4,
                    "turn-1",
                    *place,
                    text("turn-1", token(1, u32::try_from(k).expect("a token"))),
                ),
            );
        }
        play.put(1232, shown(4, "turn-1", 150, end("turn-1", Some(Status::Completed))));
        play
    };
    resumed(&[108, 110, 112]).keeps("MonotoneCursor");
    resumed(&[108, 110, 112]).keeps("ResumeGapFree");
    for back in [&[108, 110, 108, 110, 112][..], &[108, 110, 106, 112]] {
        assert_eq!(resumed(back).breaks("MonotoneCursor").subject, "w4 on pod-2");
    }
}

/// The pods count what is stored, and count it right.
#[test]
fn feedback_that_is_stored_under_two_transactions_is_found_though_every_count_is_right() {
    const NAME: &str = "SpoolExactlyOnce";
    let stored = |times: u64| {
        let mut play = takeover();
        play.put(100, events::feedback_posted(9, "pod-2", "item-1"))
            .put(101, events::feedback_ended(9, crate::history::Outcome::Ok(())));
        for n in 0..times {
            play.put(1_240 + n, events::feedback_row(200 + n, "item-1"));
        }
        for pod in ["pod-1", "pod-2", "pod-3"] {
            play.put(1_410, events::feedback_counted(pod, times));
        }
        play
    };
    stored(1).keeps(NAME);
    assert_eq!(stored(2).breaks(NAME).got, "2 rows");
    stored(0).breaks(NAME);
}

/// The tail of one client ends with the connection, and its text stands.
#[test]
fn a_tail_of_a_resync_and_nothing_else_is_found() {
    let mut play = takeover();
    play.put(1_207, events::resync(3));
    play.without_from(1_208, events::is_frame_of(3));
    assert!(
        play.holds(|what| matches!(what, What::Watcher(WatcherEvent::TailClosed { watcher, .. }) if watcher.0 == 3))
    );
    assert_eq!(play.breaks("TerminalReachesClient").subject, "w3 on pod-3, turn turn-1");
}
