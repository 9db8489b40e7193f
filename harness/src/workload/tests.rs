//! Clients of described systems, against a server that answers one request after the other as a test says.

mod edge;

use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::history::writer::Recorder;
use crate::history::{Chunk, CursorForm, Outcome, PodName, SessionNo, Status, ThreadId, WatcherEvent, WatcherId, What};
use crate::plan::Manner;
use crate::roles::owner_names::OwnerNames;
use crate::roles::postgres::owners::Owners;
use crate::system::load::load_alone;
use crate::system::{Choice, System};

const COOKIES: &str = include_str!("../../tests/descriptions/cookies.toml");
const STREAMED: &str = include_str!("../../tests/descriptions/streamed-answers.toml");
const COPIES: &str = include_str!("../../tests/descriptions/copies-of-one-service.toml");

/// A server, and the requests that it was sent.
struct Server {
    at: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("its address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let requests = asked.clone();
        tokio::spawn(async move {
            for answer in answers {
                let (mut client, _) = listener.accept().await.expect("a client");
                let request = request(&mut client).await;
                requests.lock().expect("no panic").push(request);
                client.write_all(answer.as_bytes()).await.expect("it is there");
            }
        });
        Self { at, asked }
    }

    /// The requests until now: their first lines.
    fn lines(&self) -> Vec<String> {
        let first = |request: &String| request.lines().next().unwrap_or_default().replace(" HTTP/1.1", "");
        self.asked.lock().expect("no panic").iter().map(first).collect()
    }

    fn request(&self, n: usize) -> String {
        self.asked.lock().expect("no panic")[n].clone()
    }
}

/// One request: its head, and as much of a body as the head says.
async fn request(client: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().expect("a length")) {
                return text;
            }
        }
        let mut some = [0; 4096];
        let bytes = client.read(&mut some).await.expect("a connection");
        assert!(bytes > 0, "cut off: {text}");
        read.extend_from_slice(&some[..bytes]);
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn json(body: &str) -> String {
    answer("200 OK", "content-type: application/json\r\n", body)
}

fn events(body: &str) -> String {
    answer("200 OK", "content-type: text/event-stream; charset=utf-8\r\n", body)
}

fn described(text: &str) -> System {
    let read = load_alone("system.toml", text).expect("a description");
    System::of(&Choice::default(), Path::new("system.toml"), &read).expect("a design")
}

fn api(text: &str) -> Api {
    Api::new(Arc::new(described(text))).expect("a client")
}

fn pod() -> PodName {
    PodName::from("chat-1")
}

#[tokio::test]
async fn a_sign_in_takes_its_steps_and_keeps_cookies_for_each_device() {
    let key = r#"data: {"result":{"content":[{"text":"{\"id\":\"k1\"}"}]}}"#;
    let server = Server::start(vec![
        answer("200 OK", "set-cookie: sid=a; Path=/\r\n", "{}"),
        answer("200 OK", "set-cookie: sid=b; Path=/\r\n", "{}"),
        json(r#"{"id":"org1","slug":"s1"}"#),
        json("{}"),
        events(&format!(": hello\n\n{key}\n\n")),
        json("{}"),
        json(r#"{"result":{"structuredContent":{"item":{"id":"a1"}}}}"#),
        answer("200 OK", "set-cookie: sid=c; Path=/\r\n", "{}"),
        json("{}"),
        json(r#"{"result":{"structuredContent":{"item":{"id":"th1"}}}}"#),
        answer("202 Accepted", "", r#"{"taskId":"u1"}"#),
    ])
    .await;
    let api = api(COOKIES);
    let first = api.sign_in(&pod(), server.at, Who::Own).await.expect("a sign-in");
    let other = api.another_device(&pod(), server.at, &first).await.expect("a device");
    let thread = api.new_thread(&pod(), server.at, &other).await.expect("a thread");
    let message = Message {
        thread: &thread,
        id: &"m-1".into(),
        text: "[[mock key:k1 many:1]]",
    };
    let posted = api.post(&pod(), server.at, &first, message).await;
    let accepted = posted.ok().expect("an acceptance");
    assert_eq!((accepted.turn.as_str(), &accepted.pod), ("u1", &pod()));
    let expected = [
        "POST /api/auth/sign-up/email",
        "POST /api/auth/sign-in/email",
        "POST /api/auth/organization/create",
        "POST /api/auth/organization/set-active",
        "POST /mcp/org1_self",
        "POST /mcp/org1_self",
        "POST /mcp/org1_self",
        "POST /api/auth/sign-in/email",
        "POST /api/auth/organization/set-active",
        "POST /mcp/org1_self",
        "POST /api/s1/decopilot/threads/th1/messages",
    ];
    assert_eq!(server.lines(), expected);
    let has = |n: usize, text: &str| {
        let request = server.request(n);
        assert!(request.contains(text), "{text} in {request}");
    };
    has(2, "cookie: sid=b\r\n");
    has(2, "origin: http://studio.test\r\n");
    has(
        4,
        r#""apiKey":"{\"baseUrl\":\"http://provider:8080/v1\",\"apiKey\":\"sk-mock\"}""#,
    );
    has(5, r#""keyId":"k1""#);
    has(8, "cookie: sid=c\r\n");
    has(9, r#""virtual_mcp_id":"a1""#);
    has(10, "cookie: sid=b\r\n");
    has(10, r#""agent":{"id":"a1"}"#);
    assert!(!server.request(7).contains("cookie:"), "{}", server.request(7));
}

/// The error of a sign-in whose first step is answered so.
async fn refused_sign_in(status: &str, body: &str) -> ApiError {
    let server = Server::start(vec![answer(status, "", body)]).await;
    let signed_in = api(COOKIES).sign_in(&pod(), server.at, Who::Own).await;
    signed_in.expect_err("a refusal")
}

#[tokio::test]
async fn a_step_that_is_refused_is_named() {
    let error = refused_sign_in("403 Forbidden", r#"{"error":"invalid origin"}"#).await;
    assert_eq!(
        error.to_string(),
        "sign in, step 1 (POST /api/auth/sign-up/email) on chat-1: 403 Forbidden: {\"error\":\"invalid origin\"}"
    );
}

#[tokio::test]
async fn only_an_answer_of_5xx_is_the_pods_own_failure() {
    for (status, is_the_pods) in [
        ("500 Internal Server Error", true),
        ("599 Odd", true),
        ("429 Too Many Requests", false),
        ("302 Found", false),
        ("200 OK", false),
    ] {
        assert_eq!(
            refused_sign_in(status, "no id").await.is_the_pods(),
            is_the_pods,
            "{status}"
        );
    }
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let error = api(COOKIES).sign_in(&pod(), nowhere, Who::Own).await;
    assert!(!error.expect_err("nobody listens").is_the_pods());
}

/// An order to attach.
#[tokio::test]
async fn without_a_stranger_the_second_account_begins_with_the_names_of_the_first() {
    let api = api(&format!("{COPIES}\n[auth.accounts]\nown = {{ agent = \"chat\" }}\n"));
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    for who in [Who::Own, Who::Stranger] {
        let session = api.sign_in(&pod(), nowhere, who).await.expect("no step is asked");
        let named = ["agent", "account"].map(|name| session.values.require(name).cloned().expect("a value"));
        let account = if who == Who::Own { "own" } else { "stranger" };
        assert_eq!(named, ["chat", account]);
    }
}

fn attach(at: SocketAddr, session: &Session, thread: &ThreadId, from: TailFrom) -> Attach {
    Attach {
        watcher: WatcherId(7),
        pod: pod(),
        at,
        session: session.clone(),
        session_no: SessionNo(NonZeroU8::MIN),
        thread: thread.clone(),
        turn: Some("r1".into()),
        from,
        role: "answer".to_owned(),
        patience: None,
        manner: Manner::Eager,
    }
}

/// Nothing listens there: the word of the database is not what is tried.
fn owners() -> Arc<Owners> {
    Arc::new(Owners::new(
        "postgres://nobody@127.0.0.1:1/none",
        &System::reference().tables(),
        OwnerNames::plain(),
    ))
}

async fn over(tail: Tail) {
    let over = |seen: &Seen| seen.end.is_some() || seen.refused.is_some();
    let bound = Duration::from_secs(10);
    tail.until("the end", bound, over).await.expect("a tail that ends");
    tail.leave().await;
}

/// The words of a history's watchers.
fn watchers(recorder: &Recorder) -> Vec<WatcherEvent> {
    let event = |what: What| match what {
        What::Watcher(event) => Some(event),
        _ => None,
    };
    recorder
        .snapshot()
        .into_iter()
        .filter_map(|of| event(of.what))
        .collect()
}

#[tokio::test]
async fn an_answer_that_streams_is_accepted_with_its_turn_and_is_a_tail() {
    let server = Server::start(vec![events(
        "event: RunStarted\ndata: {\"run_id\":\"r1\",\"event_index\":0}\n\n\
         event: RunContent\ndata: {\"run_id\":\"r1\",\"content\":\"a \",\"event_index\":1}\n\n\
         event: RunCompleted\ndata: {\"run_id\":\"r1\",\"content\":\"a \",\"event_index\":2}\n\n",
    )])
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let recorder = Recorder::create(&folder.path().join("history.jsonl"), Instant::now()).expect("a history");
    let api = api(STREAMED);
    let session = api.sign_in(&pod(), server.at, Who::Own).await.expect("no steps");
    let thread = api
        .new_thread(&pod(), server.at, &session)
        .await
        .expect("the client's own id");
    let order = attach(server.at, &session, &thread, TailFrom::Start);
    let message = (&"m-1".into(), "[[mock key:k1 many:1]]");
    let (outcome, tail) = Tail::post(&api, order, message, owners(), recorder.clone()).await;
    let accepted = outcome.ok().expect("an acceptance");
    assert_eq!((accepted.turn.as_str(), accepted.tail), ("r1", Some(WatcherId(7))));
    over(tail.expect("a tail")).await;
    let request = server.request(0);
    for text in [
        "POST /agents/chat/runs ",
        "idempotency-key: m-1",
        "name=\"message\"\r\n\r\n[[mock key:k1",
    ] {
        assert!(request.contains(text), "{text} in {request}");
    }
    assert!(
        request.contains(&format!("name=\"session_id\"\r\n\r\n{thread}\r\n")),
        "{request}"
    );
    let seen = watchers(&recorder);
    assert!(matches!(&seen[0], WatcherEvent::TailOpened { turn: Some(turn), .. } if turn.as_str() == "r1"));
    let frames = seen.iter().filter_map(|event| match event {
        WatcherEvent::Frame { id, chunk, .. } => Some((id.as_ref().map(|id| id.as_str().to_owned()), chunk.clone())),
        _ => None,
    });
    let frames: Vec<_> = frames.collect();
    assert_eq!(frames.len(), 4);
    let turn = || "r1".into();
    let whole = Chunk::Whole {
        turn: turn(),
        text: "a ".to_owned(),
    };
    let end = Chunk::Finish {
        turn: turn(),
        status: Some(Status::Completed),
    };
    assert_eq!(
        frames[2..],
        [(Some("2".to_owned()), whole), (Some("2".to_owned()), end)]
    );
}

#[tokio::test]
async fn a_message_that_no_event_names_a_turn_for_is_unknown() {
    let server = Server::start(vec![
        events("event: ping\ndata: {}\n\n"),
        answer("429 Too Many Requests", "", "busy"),
    ])
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let recorder = Recorder::create(&folder.path().join("history.jsonl"), Instant::now()).expect("a history");
    let api = api(STREAMED);
    let session = api.sign_in(&pod(), server.at, Who::Own).await.expect("no steps");
    let thread = ThreadId::from("s-1");
    let post = async || {
        let order = attach(server.at, &session, &thread, TailFrom::Start);
        let posted = Tail::post(&api, order, (&"m-1".into(), "hi"), owners(), recorder.clone()).await;
        assert!(posted.1.is_none(), "a tail without a turn");
        posted.0
    };
    let unknown = post().await;
    assert!(
        matches!(&unknown, Outcome::Unknown { reason } if reason == "no value at /run_id"),
        "{unknown:?}"
    );
    let refused = post().await;
    assert!(
        matches!(&refused, Outcome::Failed { status: 429, reason } if reason == "busy"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_tail_is_asked_for_from_its_start_or_behind_a_cursor() {
    let end = "event: end\ndata: {\"status\":\"success\"}\nid: r1_event_5\n\n";
    // Once the end was shown, the pod is asked where the turn stands.
    let asked = || json(r#"{"status":"success"}"#);
    let server = Server::start(vec![events(end), asked(), events(end), asked()]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let recorder = Recorder::create(&folder.path().join("history.jsonl"), Instant::now()).expect("a history");
    let api = api(COPIES);
    let session = api.sign_in(&pod(), server.at, Who::Own).await.expect("no steps");
    let thread = ThreadId::from("t 1");
    let behind = TailFrom::Cursor("r1_event_3".to_owned(), CursorForm::After);
    for from in [TailFrom::Start, behind] {
        let order = attach(server.at, &session, &thread, from);
        over(Tail::open(&api, order, owners(), recorder.clone())).await;
    }
    let lines = ["GET /threads/t%201/runs/r1/stream", "GET /threads/t%201/runs/r1"];
    assert_eq!(server.lines(), [lines, lines].concat());
    for (n, cursor) in [(0, "r1_event_0"), (2, "r1_event_3")] {
        let request = server.request(n).to_lowercase();
        assert!(request.contains(&format!("last-event-id: {cursor}\r\n")), "{request}");
        assert!(request.contains("accept: text/event-stream\r\n"), "{request}");
    }
    let is_end = |event: &&WatcherEvent| {
        matches!(event, WatcherEvent::Frame { cursor: Some(cursor), chunk: Chunk::Finish { status, .. }, .. }
            if cursor.seq == 5 && *status == Some(Status::Completed))
    };
    assert_eq!(watchers(&recorder).iter().filter(is_end).count(), 2);
}
