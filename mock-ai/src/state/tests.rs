//! The rules of the book, without a socket: ordinals, gates, ends, resets and bounds.

use super::{live::Live, *};
use crate::{
    journal::{CallId, Cause, Event, EventKind, KeyState},
    script::{EndMode, Script},
};

fn arrival(key: &str) -> Arrival {
    Arrival {
        key: key.into(),
        pod: Some("pod-1".into()),
        peer: "127.0.0.1:1".to_owned(),
        request_id: "r".to_owned(),
        stream: true,
        headers: std::collections::BTreeMap::new(),
        messages: Vec::new(),
    }
}

fn begin(book: &mut Book, key: &str, directives: &str) -> Arc<Live> {
    book.begin(arrival(key), &Script::from_directives(directives).unwrap(), 1)
        .0
}

fn names(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(|event| event.kind.name()).collect()
}

#[test]
fn calls_are_counted_by_key_and_live_ones_at_once() {
    let mut book = Book::default();
    let first = begin(&mut book, "a", "");
    let second = begin(&mut book, "a", "");
    let other = begin(&mut book, "b", "");
    assert_eq!(
        [&first, &second, &other].map(|live| (live.id.call.0, live.id.ordinal)),
        [(1, 1), (2, 2), (3, 1)]
    );
    book.end(&first, None, Cause::Complete, 2);
    let third = begin(&mut book, "a", "");
    assert_eq!(third.id.ordinal, 3);
    assert_eq!(
        book.key("a"),
        KeyState {
            calls: 3,
            live: 2,
            live_max: 2
        }
    );
    assert_eq!(book.key("nobody"), KeyState::default());
    let of_a = CallFilter {
        key: Some("a".to_owned()),
        since: CallId(1),
        ..CallFilter::default()
    };
    assert_eq!(
        book.records(&of_a).iter().map(|r| r.id.call.0).collect::<Vec<_>>(),
        [2, 4]
    );
}

#[test]
fn the_plan_is_that_of_the_attempt() {
    let mut book = Book::default();
    let script = Script::from_directives("@2 err:500").unwrap();
    assert!(book.begin(arrival("a"), &script, 1).1.failure.is_none());
    assert!(book.begin(arrival("a"), &script, 1).1.failure.is_some());
}

#[test]
fn a_gate_holds_until_it_is_open_and_says_whom() {
    let mut book = Book::default();
    let live = begin(&mut book, "a", "gate#3:g");
    assert!(!book.ask_gate(&live, "g", 4, 5));
    assert!(!book.ask_gate(&live, "g", 4, 6), "still held");
    let state = book.gate("g");
    assert_eq!((state.open, state.open_through, state.held[0].after), (false, None, 3));
    assert_eq!(book.record(live.id.call).unwrap().held.as_deref(), Some("g"));

    book.open_gate("g", Opening::Through(4), None).unwrap();
    assert!(book.ask_gate(&live, "g", 4, 7));
    assert!(!book.ask_gate(&live, "g", 5, 8));
    book.open_gate("g", Opening::Open, None).unwrap();
    assert!(book.ask_gate(&live, "g", 5, 9));
    assert!(book.gate("g").held.is_empty());
    let events = book.events_after(EventId(1), 99);
    assert_eq!(names(&events), ["held", "released", "held", "released"]);
}

#[test]
fn a_gate_can_be_opened_for_one_call_alone() {
    let mut book = Book::default();
    let (one, two) = (begin(&mut book, "a", "gate#0:g"), begin(&mut book, "a", "gate#0:g"));
    assert!(!book.ask_gate(&one, "g", 1, 5));
    book.open_gate("g", Opening::Open, Some(two.id.call)).unwrap();
    assert!(book.ask_gate(&two, "g", 1, 6));
    assert!(!book.ask_gate(&one, "g", 1, 7));
    book.end(&two, Some("g"), Cause::Complete, 8);
    assert!(book.open_gate("g", Opening::Open, Some(two.id.call)).is_none(), "ended");
    assert!(
        book.open_gate("g", Opening::Open, Some(CallId(99))).is_none(),
        "unknown"
    );
}

#[test]
fn an_end_from_outside_meets_only_live_calls() {
    let mut book = Book::default();
    let live = begin(&mut book, "a", "");
    assert!(book.force(live.id.call, Forced::End(EndMode::Rst)));
    assert!(book.force(live.id.call, Forced::Stop));
    assert_eq!(live.forced(), Some(Forced::End(EndMode::Rst)), "the first end counts");
    book.end(&live, None, Cause::ClientGone, 44);
    assert!(!book.force(live.id.call, Forced::Stop));
    let record = book.record(live.id.call).unwrap();
    assert_eq!(
        (record.cause, record.gone_us, record.ended_us),
        (Some(Cause::ClientGone), Some(44), Some(44))
    );
}

#[test]
fn a_reset_of_a_key_leaves_the_others_alone() {
    let mut book = Book::default();
    let held = begin(&mut book, "a", "gate#0:g");
    let other = begin(&mut book, "b", "gate#0:h");
    assert!(!book.ask_gate(&held, "g", 1, 2));
    book.open_gate("g", Opening::Through(0), None).unwrap();
    book.open_gate("h", Opening::Open, None).unwrap();
    book.reset(Some("a"), 3);

    assert_eq!(held.forced(), Some(Forced::Stop));
    assert_eq!(other.forced(), None);
    assert_eq!(
        (
            book.gate("g").open_through,
            book.gate("g").held.len(),
            book.gate("h").open
        ),
        (None, 0, true)
    );
    assert_eq!(names(&book.events_after(EventId(0), 99)), ["started", "reset"]);
    book.end(&held, Some("g"), Cause::Stopped, 4);
    let again = begin(&mut book, "a", "");
    assert_eq!((again.id.ordinal, again.id.call.0), (1, 3));
    assert_eq!(
        book.key("a"),
        KeyState {
            calls: 1,
            live: 1,
            live_max: 1
        }
    );
}

#[test]
fn a_reset_of_everything_forgets_everything_but_the_numbers() {
    let mut book = Book::default();
    let live = begin(&mut book, "a", "");
    book.reset(None, 2);
    assert_eq!(live.forced(), Some(Forced::Stop));
    assert!(book.records(&CallFilter::default()).is_empty());
    let events = book.events_after(EventId(0), 9);
    assert_eq!((names(&events), events[0].number), (vec!["reset"], EventId(2)));
}

#[test]
fn the_oldest_ended_calls_are_forgotten_and_their_keys_with_them() {
    let mut book = Book::default();
    let live = begin(&mut book, "held", "");
    for n in 0..=CALLS_KEPT {
        let call = begin(&mut book, &format!("k{n}"), "");
        book.end(&call, None, Cause::Complete, 2);
    }
    assert!(book.record(live.id.call).is_some(), "a live call is kept");
    assert!(book.record(CallId(2)).is_none());
    assert!(book.record(CallId(3)).is_some());
    assert_eq!((book.key("k0").calls, book.key("k1").calls), (0, 1));
}

#[test]
fn whoever_asks_for_forgotten_events_is_told() {
    let mut book = Book::default();
    for _ in 0..200_000 {
        let call = begin(&mut book, "k", "");
        book.first_byte(&call, 1);
        book.end(&call, None, Cause::Complete, 2);
    }
    let events = book.events_after(EventId(0), 2);
    let EventKind::Lost { through } = events[0].kind else {
        panic!("not told: {events:?}")
    };
    assert_eq!((events[1].number.0, through.0), (100_001, 100_000));
    assert_eq!(book.events_after(through, 1)[0].number.0, 100_001);
}

#[tokio::test]
async fn a_wait_ends_with_the_event_or_with_its_bound() {
    let world = World::new();
    let waiting = world.wait_for(Duration::from_secs(10), |book| book.record(CallId(1)));
    let (found, call) = tokio::join!(waiting, async {
        Call::begin(&world, arrival("a"), &Script::default()).0
    });
    assert_eq!(found.unwrap().id, call.live().id);
    assert!(
        world
            .wait_for(Duration::ZERO, |book| book.record(CallId(2)))
            .await
            .is_none()
    );
}

#[test]
fn a_call_that_is_dropped_unfinished_lost_its_client() {
    let world = World::new();
    let (call, _) = Call::begin(&world, arrival("a"), &Script::default());
    let id = call.live().id.call;
    drop(call);
    assert_eq!(
        world.read(|book| book.record(id)).unwrap().cause,
        Some(Cause::ClientGone)
    );
}
