//! A pod that sends anything: what comes is bounded and kept raw, and becomes a finding; what is only unusual does not.
//!
//! The real watcher and the real requests, against raw TCP. What a tail may hold is in `workload::Limits`.

mod cursors;
mod requests;
mod scene;
mod server;
mod sound;

use crosspod::history::{Raw, TailEnd, WatcherEvent, What};
use crosspod::workload::Limits;

use scene::{Outcomes, frames, tail_of, watch, watch_until};
use server::{Step, send, stream};

const PROMISE: &str = "FramesWhole";
const MIB: u64 = 1 << 20;

/// What a tail may leave in a history beside its raw bytes and what its frames say of them.
const ASIDE: u64 = MIB;

fn good() -> Step {
    send(tail_of(&frames(), "\n"))
}

/// Asserts that a tail was cut as no stream, and says why and where.
fn cut(outcomes: &Outcomes) -> (String, u64) {
    let Some(TailEnd::NoStream { why, seen_bytes }) = outcomes.end() else {
        panic!("it ended as {:?}", outcomes.end())
    };
    let (subject, got) = outcomes.finding(PROMISE);
    assert_eq!(subject, "w1 on pod-1");
    assert_eq!(got, format!("{why}, after {seen_bytes} bytes").replace('\'', "\\'"));
    (why.clone(), *seen_bytes)
}

/// Asserts that an attach was answered with nonsense, and says what was seen.
fn nonsense(outcomes: &Outcomes) -> String {
    let (subject, got) = outcomes.finding(PROMISE);
    assert_eq!(subject, "attach of w1 on pod-1");
    assert_eq!(outcomes.end(), None);
    got.to_owned()
}

/// Peak memory of this process, of all its tests and both sides, in MiB; 0 where the kernel does not tell.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

// --- without a limit

#[tokio::test]
async fn a_line_of_100_mb_is_cut() {
    for start in ["data: ", "id: ", ": ", "x"] {
        let line = vec![stream(), good(), send(start), Step::Flood(b"x", 100 << 20)];
        let outcomes = watch(line).await;
        let (why, seen) = cut(&outcomes);
        assert_eq!(why, "an event of over 4194304 bytes");
        assert!(seen < 5 * MIB, "{seen} bytes were read");
        assert!(outcomes.saved_bytes < 5 * MIB + ASIDE, "{} bytes", outcomes.saved_bytes);
        assert_eq!(outcomes.chunks().len(), frames().len(), "what came before it was read");
    }
    assert!(peak_mib() < 400, "{} MiB", peak_mib());
}

#[tokio::test]
async fn an_event_of_many_lines_is_cut_like_one_of_one() {
    let outcomes = watch(vec![stream(), Step::Endless(b"data: x\n")]).await;
    assert_eq!(cut(&outcomes).0, "an event of over 4194304 bytes");
    assert!(outcomes.saved_bytes < 40 * MIB, "{} bytes", outcomes.saved_bytes);
}

#[tokio::test]
async fn a_tail_of_comments_without_end_is_cut() {
    let outcomes = watch(vec![stream(), Step::Endless(b": 0123456789 0123456789 0123456789\n\n")]).await;
    assert_eq!(
        cut(&outcomes),
        (
            "over 33554432 bytes in one tail".to_owned(),
            Limits::OF_A_WATCHER.tail_bytes
        )
    );
    let bound = Limits::OF_A_WATCHER.tail_bytes * 5 / 4 + ASIDE;
    assert!(outcomes.saved_bytes < bound, "{} bytes", outcomes.saved_bytes);
}

#[tokio::test]
async fn a_tail_of_small_events_without_end_is_cut() {
    let outcomes = watch(vec![stream(), Step::Endless(b"data:{}\n\n")]).await;
    let (_, got) = outcomes.finding(PROMISE);
    assert_eq!(got, "no kind at /type: `{}`");
    let Some(TailEnd::NoStream { why, .. }) = outcomes.end() else {
        panic!("it ended as {:?}", outcomes.end())
    };
    assert_eq!(why, "over 200000 events in one tail");
    assert_eq!(outcomes.chunks().len() as u64, Limits::OF_A_WATCHER.tail_events);
    assert!(outcomes.saved_bytes < 64 * MIB, "{} bytes", outcomes.saved_bytes);
}

#[tokio::test]
async fn a_watcher_can_leave_a_stream_that_never_ends() {
    for more in [
        Step::Hold,
        Step::Endless(b"data: {\"type\":\"data-more\"}\n\n"),
        Step::Endless(b"data: {\"type\":\"finish\",\"turnId\":\"turn-1\",\"status\":\"completed\"}\n\n"),
    ] {
        let outcomes = watch_until(vec![stream(), good(), more], |seen| seen.turns.len() == 1).await;
        assert_eq!(outcomes.end(), Some(&TailEnd::Left));
    }
}

// --- not what it says it is

#[tokio::test]
async fn bytes_that_are_no_text_are_found_and_what_follows_is_read() {
    let outcomes = watch(vec![stream(), send(b"data: \xff\xfe\n\n"), good()]).await;
    let (subject, got) = outcomes.finding(PROMISE);
    assert_eq!(subject, "w1 on pod-1");
    assert!(got.starts_with("not UTF-8 at byte 6 of a line of 8 bytes"), "{got}");
    assert_eq!(outcomes.chunks().len(), 1 + frames().len());
    let is_raw = |what: &What| {
        matches!(
            what,
            What::Watcher(WatcherEvent::Bytes {
                raw: Raw::Base64(_),
                ..
            })
        )
    };
    assert!(
        outcomes.history.events.iter().any(|event| is_raw(&event.what)),
        "kept as they came"
    );
}

#[tokio::test]
async fn bytes_that_are_no_text_are_found_though_no_line_ends_behind_them() {
    let outcomes = watch(vec![stream(), good(), send(b"data: \xff\xfe")]).await;
    assert!(outcomes.finding(PROMISE).1.starts_with("not UTF-8 at byte 6"));
    let left = watch_until(vec![stream(), send(b"data: \xff\xfe\n"), good(), Step::Hold], |s| {
        s.last_id.is_some()
    })
    .await;
    assert!(left.finding(PROMISE).1.starts_with("not UTF-8 at byte 6"));
    assert_eq!(left.end(), Some(&TailEnd::Left));
}

#[tokio::test]
async fn a_page_that_says_it_is_a_stream_is_found() {
    let outcomes = watch(vec![stream(), send("<html>\n<body>Welcome</body>\n</html>\n")]).await;
    assert_eq!(cut(&outcomes), ("no line of an event stream".to_owned(), 36));
}

#[tokio::test]
async fn another_content_type_is_found() {
    for kind in ["text/html", "application/json", "text/event-streams-not"] {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\nhello");
        let got = nonsense(&watch(vec![send(head)]).await);
        assert_eq!(got, format!("status 200, content type {kind}: hello"));
    }
    let got = nonsense(&watch(vec![send("HTTP/1.1 205 Reset Content\r\n\r\n")]).await);
    assert_eq!(got, "status 205, content type none");
}

#[tokio::test]
async fn a_redirect_is_found_and_not_followed() {
    for status in [301, 302, 307, 308] {
        let head =
            format!("HTTP/1.1 {status} Elsewhere\r\nlocation: /v1/threads/t-2/attach\r\nconnection: close\r\n\r\n");
        let scene = scene::Scene::begin(vec![send(head)]).await;
        let tail = scene.attach();
        let refused = |s: &crosspod::workload::Seen| s.refused.is_some();
        tail.until("a refusal", std::time::Duration::from_secs(5), refused)
            .await
            .expect("a refusal");
        tail.leave().await;
        assert_eq!(scene.pod.asked(), 1);
        assert_eq!(nonsense(&scene.judged()), format!("status {status}, content type none"));
    }
}

#[tokio::test]
async fn what_is_not_http_is_found() {
    for bytes in [
        // What a server that speaks TLS answers to a request in the clear: a fatal alert.
        &b"\x15\x03\x01\x00\x02\x02\x46"[..],
        b"INFO {\"server_id\":\"somebody else\"}\r\n",
        b"\xff\xfe\xfd\xfc\r\n\r\n",
        b"HTTP/9.9 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent type text\r\n\r\n",
    ] {
        let got = nonsense(&watch(vec![send(bytes)]).await);
        assert!(got.starts_with("not HTTP: "), "{got}");
    }
}

#[tokio::test]
async fn headers_without_end_are_found() {
    let outcomes = watch(vec![
        send("HTTP/1.1 200 OK\r\n"),
        Step::Endless(b"x-more: 0123456789\r\n"),
    ])
    .await;
    assert!(nonsense(&outcomes).starts_with("not HTTP: "));
    assert!(outcomes.saved_bytes < ASIDE);
}

#[tokio::test]
async fn a_body_that_is_not_framed_as_its_head_says_is_found() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let outcomes = watch(vec![send(head), send("d\r\ndata: [DON"), send("E\r\nnonsense\r\n")]).await;
    let (why, _) = cut(&outcomes);
    assert!(why.starts_with("not HTTP: "), "{why}");
}

// --- wrong in what it says

#[tokio::test]
async fn ids_that_go_back_are_found() {
    let mut frames = frames();
    frames.swap(2, 3);
    let outcomes = watch(vec![stream(), send(tail_of(&frames, "\n"))]).await;
    assert_eq!(outcomes.finding("MonotoneCursor"), ("w1 on pod-1", "1-1"));
}

#[tokio::test]
async fn ids_that_nobody_can_resume_from_are_found() {
    let frames = frames();
    for (id, promise) in [
        ("\u{1}\u{2}".to_owned(), "MonotoneCursor"),
        ("\u{1}".repeat(1 << 20), PROMISE),
    ] {
        let mut frames = frames.clone();
        frames[2].0 = Some(id);
        let outcomes = watch(vec![stream(), send(tail_of(&frames, "\n"))]).await;
        assert_eq!(outcomes.finding(promise).0, "w1 on pod-1");
    }
}

#[tokio::test]
async fn an_event_that_nobody_can_read_is_found() {
    let deep = format!("data: {}\n\n", "[".repeat(1 << 20));
    let wide = format!("data: [{}0]\n\n", "{\"\":0},".repeat(200_000));
    for (event, why) in [
        (deep, "not JSON: recursion limit"),
        (wide, "not JSON: over 100000 values"),
        ("data: {\"type\":\"text-de\n\n".to_owned(), "not JSON: "),
        (
            "data: {\"type\":\"finish\"}{\"type\":\"finish\"}\n\n".to_owned(),
            "not JSON: trailing",
        ),
    ] {
        let outcomes = watch(vec![stream(), good(), send(event)]).await;
        let (_, got) = outcomes.finding(PROMISE);
        assert!(got.starts_with(why), "{got}");
    }
}

#[tokio::test]
async fn a_tail_of_turns_that_nobody_asked_for_is_judged_in_time() {
    let started = std::time::Instant::now();
    let start = |n: u32| {
        let turn = format!("turn-{n}");
        let delta = format!(r#"{{"type":"text-delta","turnId":"{turn}","delta":"~k.c1.k{n} "}}"#);
        format!(
            "id: 1-{n}-0123abcd\ndata: {{\"type\":\"start\",\"turnId\":\"{turn}\",\"epoch\":1}}\n\ndata: {delta}\n\n"
        )
    };
    let text: String = (2..60_000).map(start).collect();
    let outcomes = watch(vec![stream(), send(text)]).await;
    assert_eq!(outcomes.judgement.verdict, crosspod::verdict::Verdict::Fail);
    assert!(
        started.elapsed() < std::time::Duration::from_mins(1),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn text_that_is_none_of_the_provider_is_judged_in_time() {
    let started = std::time::Instant::now();
    for text in [
        "~".repeat(3 << 20),
        "~k.c1.k1.n9.0000 ".repeat(150_000),
        "~a.".repeat(1 << 20),
    ] {
        let delta = format!(
            "id: 1-1-0123abcd\ndata: {{\"type\":\"text-delta\",\"turnId\":\"turn-1\",\"delta\":\"{text}\"}}\n\n"
        );
        let outcomes = watch(vec![stream(), send(delta)]).await;
        assert_eq!(outcomes.judgement.verdict, crosspod::verdict::Verdict::Fail);
    }
    assert!(
        started.elapsed() < std::time::Duration::from_mins(1),
        "{:?}",
        started.elapsed()
    );
}
