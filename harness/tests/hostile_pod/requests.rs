//! Requests that are answered with anything: bounded, and unknown where nobody can tell what was done.

use std::time::Duration;

use crosspod::history::{MessageId, Outcome, PodName, ThreadId};
use crosspod::workload::Message;

use super::scene::Scene;
use super::server::{Step, send};

const OK: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\nconnection: close\r\n\r\n";
/// A request is given up after five seconds, whatever comes.
const BOUND: Duration = Duration::from_secs(8);

async fn post(steps: Vec<Step>) -> Outcome<crosspod::history::Accepted> {
    let scene = Scene::begin(steps).await;
    let (thread, message) = (ThreadId::from("t-1"), MessageId::from("m-2"));
    let message = Message {
        thread: &thread,
        id: &message,
        text: "hi",
    };
    let pod = PodName::from("pod-1");
    let post = scene.api.post(&pod, scene.pod.at, &scene.session, message);
    let outcome = tokio::time::timeout(BOUND, post).await.expect("an end");
    assert_eq!(scene.pod.asked(), 1, "no request is made twice");
    outcome
}

async fn unknown(steps: Vec<Step>) -> String {
    match post(steps).await {
        Outcome::Unknown { reason } => reason,
        other => panic!("it is known: {other:?}"),
    }
}

async fn read(steps: Vec<Step>) -> (Option<u16>, String) {
    let scene = Scene::begin(steps).await;
    let (pod, thread) = (PodName::from("pod-1"), ThreadId::from("t-1"));
    let read = scene.api.read((&pod, scene.pod.at), &scene.session, &thread, None);
    let error = tokio::time::timeout(BOUND, read)
        .await
        .expect("an end")
        .expect_err("no thread");
    assert!(error.to_string().len() < 3000, "{} bytes", error.to_string().len());
    (error.status, error.to_string())
}

#[tokio::test]
async fn a_body_of_100_mb_is_cut() {
    let flood = Step::Flood(b"[", 100 << 20);
    let reason = unknown(vec![send(ACCEPTED), flood.clone()]).await;
    assert!(reason.ends_with("(a body of over 8388608 bytes)"), "{reason}");
    assert!(reason.len() < 1000, "{} bytes", reason.len());
    let (status, error) = read(vec![send(OK), flood]).await;
    assert_eq!(status, Some(200));
    assert!(error.ends_with("a body of over 8388608 bytes"), "{error}");
}

#[tokio::test]
async fn a_body_without_end_is_given_up() {
    let started = std::time::Instant::now();
    for more in [Step::Endless(b"x"), Step::Hold] {
        unknown(vec![send(ACCEPTED), more]).await;
    }
    assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
}

#[tokio::test]
async fn neither_a_yes_nor_a_refusal_is_unknown() {
    let reason = unknown(vec![send(
        "HTTP/1.1 302 Found\r\nlocation: /ready\r\nconnection: close\r\n\r\n",
    )])
    .await;
    assert!(reason.starts_with("302 is neither"), "{reason}");
    let reason = unknown(vec![send(format!("{OK}{{\"turnId\":\"u\"}}"))]).await;
    assert!(reason.starts_with("200 is neither"), "{reason}");
    let reason = unknown(vec![send("\x15\x03\x01\x00\x02\x02\x46")]).await;
    assert!(reason.starts_with("not HTTP: "), "{reason}");
    let reason = unknown(vec![send(format!("{ACCEPTED}<html>"))]).await;
    let expected = "202 with a body that is not JSON: expected value at line 1 column 1: <html>: <html>";
    assert_eq!(reason, expected);
    let reason = unknown(vec![send(format!("{ACCEPTED}{{\"turn_id\":\"u\"}}"))]).await;
    assert!(
        reason.contains("no value at /turnId; there is \"turn_id\" at /turn_id"),
        "{reason}"
    );
    let long = format!("{ACCEPTED}{{\"turnId\":\"{}\"}}", "u".repeat(1 << 20));
    assert!(unknown(vec![send(long)]).await.len() < 1000);
}

#[tokio::test]
async fn a_refusal_is_known() {
    let refusal = "HTTP/1.1 409 Conflict\r\nconnection: close\r\n\r\nno";
    let expected = Outcome::Failed {
        status: 409,
        reason: "no".into(),
    };
    assert_eq!(post(vec![send(refusal)]).await, expected);
}

#[tokio::test]
async fn a_thread_that_cannot_be_read_says_why() {
    let wide = format!("{OK}[{}0]", "{\"\":0},".repeat(200_000));
    for (answer, why) in [
        (format!("{OK}<html>"), "a body that is not JSON"),
        (wide, "over 100000 values"),
        (format!("{OK}{}", "[".repeat(1 << 20)), "recursion limit"),
        (format!("{OK}{{}}"), "no status at /status in {}"),
        (
            format!(
                "{OK}{{\"status\":\"idle\",\"messages\":[{{\"role\":\"assistant\",\"x\":\"{}\"}}]}}",
                "y".repeat(1 << 20)
            ),
            "an answer without",
        ),
    ] {
        let (status, error) = read(vec![send(answer)]).await;
        assert_eq!(status, Some(200));
        assert!(error.contains(why), "{error}");
    }
    let garbled = [OK.as_bytes(), b"{\"status\":\"\xff\"}"].concat();
    assert!(read(vec![send(garbled)]).await.1.contains("not JSON"));
}
