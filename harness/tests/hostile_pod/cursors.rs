//! Clients that come back with a cursor to a pod that refuses it, falls silent, or answers as it should.

use std::time::{Duration, Instant};

use crosspod::history::{CursorForm, WatcherId};
use crosspod::verdict::Verdict;
use crosspod::workload::Seen;

use super::scene::{Outcomes, Scene, frames, tail_of};
use super::server::{Step, send, stream};

const PROMISE: &str = "ResumeGapFree";
const SOON: Duration = Duration::from_secs(20);
/// Longest stay of a visit whose answer is due within the system's bound of 1.5 seconds.
const PAST_BOUND: Duration = Duration::from_millis(2500);
/// A stay that is shorter than that bound.
const SHORT: Duration = Duration::from_millis(200);

/// One client is shown the whole turn; then a second comes back with `cursor` and is answered with `status`.
async fn refused(cursor: &str, form: CursorForm, status: u16) -> Outcomes {
    let shown = vec![stream(), send(tail_of(&frames(), "\n"))];
    let head = format!("HTTP/1.1 {status} No\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{{}}");
    let scene = Scene::begin_with(vec![shown, vec![send(head)]]).await;
    let over = |seen: &Seen| seen.end.is_some() || seen.refused.is_some();
    let first = scene.attach();
    first.until("the end", SOON, over).await.expect("a tail that ends");
    first.leave().await;
    let tail = scene.attach_from(WatcherId(2), Some((cursor, form)));
    tail.until("a refusal", SOON, over).await.expect("a refusal");
    tail.leave().await;
    scene.judged()
}

#[tokio::test]
async fn a_refused_cursor_of_the_stream_is_found_in_every_form() {
    for form in [
        CursorForm::LastEventId,
        CursorForm::After,
        CursorForm::AfterBesideEmptyHeader,
    ] {
        let outcomes = refused("1-2-0123abcd", form, 400).await;
        let (subject, got) = outcomes.finding(PROMISE);
        assert_eq!(subject, "attach of w2 on pod-1");
        assert_eq!(got, "a refusal: status 400, content type application/json: {}");
    }
}

#[tokio::test]
async fn a_refused_cursor_that_is_empty_or_due_a_resync_is_found() {
    for cursor in ["", "7779-1-0123abcd"] {
        let outcomes = refused(cursor, CursorForm::LastEventId, 400).await;
        assert_eq!(outcomes.finding(PROMISE).0, "attach of w2 on pod-1");
    }
}

#[tokio::test]
async fn a_refusal_of_nonsense_and_one_for_a_time_are_sound() {
    for (cursor, status) in [("undefined", 400), ("1-2-0123abcd", 503), ("1-2-0123abcd", 429)] {
        let outcomes = refused(cursor, CursorForm::After, status).await;
        assert_eq!(outcomes.judgement.verdict, Verdict::Pass, "{:#?}", outcomes.judgement);
    }
}

/// One client is shown the whole turn; then a second comes back with a cursor that never was, is sent `text`, and stays.
async fn stayed(text: &str, answer_within: Option<Duration>) -> (Duration, Outcomes) {
    let shown = vec![stream(), send(tail_of(&frames(), "\n"))];
    let scene = Scene::begin_with(vec![shown, vec![stream(), send(text), Step::Hold]]).await;
    let first = scene.attach();
    first.stay(SOON, None).await;
    first.leave().await;
    let tail = scene.attach_from(WatcherId(2), Some(("7779-1-0123abcd", CursorForm::LastEventId)));
    tail.until("the stream open", SOON, |seen| seen.open)
        .await
        .expect("a stream");
    let since = Instant::now();
    tail.stay(SHORT, answer_within).await;
    let stayed = since.elapsed();
    tail.leave().await;
    (stayed, scene.judged())
}

const STATE: &str = "data: {\"type\":\"data-thread\",\"status\":\"completed\",\"turnId\":\"turn-1\"}\n\n";
const RESYNC: &str = "data: {\"type\":\"data-resync\",\"data\":{\"reason\":\"no such place\"}}\n\n";

#[tokio::test]
async fn a_pod_that_is_silent_past_the_bound_is_found() {
    let (stayed, outcomes) = stayed(STATE, Some(PAST_BOUND)).await;
    assert!(stayed >= PAST_BOUND, "{stayed:?}");
    let (subject, got) = outcomes.finding(PROMISE);
    assert_eq!(subject, "w2 on pod-1");
    assert!(got.starts_with("nothing in 2"), "{got}");
}

#[tokio::test]
async fn a_visit_leaves_once_it_is_answered_and_one_that_is_cut_short_is_due_nothing() {
    for (text, answer_within) in [(RESYNC, Some(SOON)), (STATE, None)] {
        let (stayed, outcomes) = stayed(text, answer_within).await;
        assert!((SHORT..SOON / 2).contains(&stayed), "{stayed:?}");
        assert_eq!(outcomes.judgement.verdict, Verdict::Pass, "{:#?}", outcomes.judgement);
    }
}
