//! Clients of the edge, against a fake edge in this process.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::*;
use crate::history::{ClientEvent, ClientNo, Routed};
use crate::workload::edge::fake::{FakeEdge, answer};

const COOKIE: &str = "aff";

/// A system whose pods name themselves in their answers.
fn named() -> Api {
    api(&COPIES.replace("[pods]\n", "[pods]\nanswered_by = \"x-pod\"\n"))
}

struct Rig {
    _folder: tempfile::TempDir,
    recorder: Recorder,
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let recorder = Recorder::create(&folder.path().join("history.jsonl"), Instant::now()).expect("a history");
        Self {
            _folder: folder,
            recorder,
        }
    }

    fn client(&self, at: SocketAddr, browser: &Browser, takes_address: bool) -> EdgeClient {
        let entry = EntryPlace {
            name: "web".to_owned(),
            at,
            trust: None,
            takes_address,
            answered_by: Some("x-pod".to_owned()),
            cold_start: Some("x-cold-start-ms".to_owned()),
        };
        let opened = EdgeClient::open(browser.clone(), entry, self.recorder.clone());
        opened.expect("a client")
    }

    fn routed(&self) -> Vec<Routed> {
        let events = self.recorder.snapshot().into_iter();
        events
            .filter_map(|event| match event.what {
                What::Client(ClientEvent::Routed(routed)) => Some(*routed),
                _ => None,
            })
            .collect()
    }
}

fn browser(no: u32) -> Browser {
    Browser::new(ClientNo(no), Some(COOKIE))
}

/// Pins a client that has no cookie to chat-2, and leads one that has to the pod of its cookie.
fn pins(head: &str) -> String {
    let head = head.to_lowercase();
    if head.starts_with("get /old") {
        return answer("301 Moved Permanently", &["location: https://localhost/v1"], "");
    }
    if head.starts_with("get /broken") {
        return answer("502 Bad Gateway", &[], "bad gateway");
    }
    if head.contains("cookie: aff=chat-2") {
        return answer("200 OK", &["x-pod: chat-2"], "{}");
    }
    let set = "set-cookie: aff=chat-2; Path=/v1; Max-Age=3; HttpOnly; SameSite=Lax";
    answer("200 OK", &["x-pod: chat-2", "x-cold-start-ms: 41", set], "{}")
}

#[tokio::test]
async fn each_request_is_recorded_with_its_cookies_and_who_answered() {
    let (rig, edge) = (Rig::new(), FakeEdge::start(pins).await);
    let client = rig.client(edge.at, &browser(1), false);
    let api = named().through(&client);
    for path in ["/v1/a?x=1", "/v1/b", "/healthz", "/broken", "/old"] {
        drop(api.get(client.at(), path).await.expect("an answer"));
    }
    let routed = rig.routed();
    let seen: Vec<_> = routed
        .iter()
        .map(|one| (one.path.as_str(), one.cookie.as_deref(), one.status, one.set.len()))
        .collect();
    let expected = [
        ("/v1/a", None, Some(200), 1),
        ("/v1/b", Some("chat-2"), Some(200), 0),
        // Outside of the cookie's path the client is a new one.
        ("/healthz", None, Some(200), 1),
        ("/broken", None, Some(502), 0),
        ("/old", None, Some(301), 0),
    ];
    assert_eq!(seen, expected);
    let first = &routed[0];
    assert_eq!(
        (first.set[0].max_age_s, first.set[0].path.as_deref()),
        (Some(3), Some("/v1"))
    );
    assert_eq!(
        (first.pod.clone(), first.cold_start_ms),
        (Some("chat-2".into()), Some(41))
    );
    assert_eq!((&routed[3].pod, &routed[3].trouble), (&None, &None));
    assert_eq!(edge.asked().len(), 5, "a redirect is not followed");
    assert!(edge.asked()[0].contains("host: localhost"), "{}", edge.asked()[0]);
}

#[tokio::test]
async fn two_browsers_have_a_jar_each_and_a_browser_has_one_at_every_entry() {
    let (rig, edge) = (Rig::new(), FakeEdge::start(pins).await);
    let (one, other) = (browser(1), browser(2));
    for browser in [&one, &one, &other] {
        let client = rig.client(edge.at, browser, false);
        let api = named().through(&client);
        drop(api.get(client.at(), "/v1/a").await.expect("an answer"));
    }
    one.forget_cookie();
    let client = rig.client(edge.at, &one, false);
    assert_eq!(client.cookie_for("/v1/a"), None);
    let cookies: Vec<_> = rig.routed().into_iter().map(|one| (one.client.0, one.cookie)).collect();
    assert_eq!(cookies, [(1, None), (1, Some("chat-2".to_owned())), (2, None)]);
}

#[tokio::test]
async fn a_client_has_the_address_that_it_says_on_fresh_connections() {
    let (rig, edge) = (Rig::new(), FakeEdge::start(pins).await);
    let client = rig.client(edge.at, &browser(1), true);
    let api = named().through(&client);
    for last in [7, 8] {
        client
            .at_address(Ipv4Addr::new(198, 51, 100, last))
            .expect("it is taken");
        drop(api.get(client.at(), "/v1/a").await.expect("an answer"));
    }
    let asked = edge.asked();
    assert!(asked[0].starts_with("proxy tcp4 198.51.100.7 "), "{}", asked[0]);
    assert!(asked[1].starts_with("proxy tcp4 198.51.100.8 "), "{}", asked[1]);
    assert_eq!(rig.routed()[1].address.as_deref(), Some("198.51.100.8"));
    let plain = rig.client(edge.at, &browser(2), false);
    assert!(plain.at_address(Ipv4Addr::LOCALHOST).is_err());
}

#[tokio::test]
async fn an_edge_that_is_away_is_a_trouble_and_one_that_moved_is_found_again() {
    let (rig, edge) = (Rig::new(), FakeEdge::start(pins).await);
    let nowhere = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("its address")
    };
    let client = rig.client(nowhere, &browser(1), false);
    let api = named().through(&client);
    assert!(api.get(client.at(), "/v1/a").await.is_err());
    client.moved(edge.at);
    drop(api.get(client.at(), "/v1/a").await.expect("an answer"));
    let routed = rig.routed();
    let trouble = routed[0].trouble.as_deref().unwrap_or_default();
    assert!(trouble.contains("refused"), "{trouble}");
    assert_eq!((routed[0].status, routed[1].status), (None, Some(200)));
}

/// Takes a message, and shows its answer in two streams: the first breaks off and says when to come back.
fn streams(head: &str) -> String {
    let head = head.to_lowercase();
    if head.starts_with("post") {
        return answer(
            "200 OK",
            &["x-pod: chat-3", "content-type: application/json"],
            r#"{"run_id":"r1"}"#,
        );
    }
    let kind = ["x-pod: chat-2", "content-type: text/event-stream", "connection: close"];
    if !head.contains("last-event-id: r1_event_1") {
        return answer(
            "200 OK",
            &kind,
            "retry: 5\n\nid: r1_event_1\nevent: messages\ndata: {}\n\n",
        );
    }
    answer("404 Not Found", &["x-pod: chat-1"], "over")
}

#[tokio::test]
async fn posts_and_tails_through_the_edge_name_the_pod_that_answered() {
    let (rig, edge) = (Rig::new(), FakeEdge::start(streams).await);
    let client = rig.client(edge.at, &browser(1), false);
    let api = named().through(&client);
    let session = api.sign_in(&pod(), client.at(), Who::Own).await.expect("no steps");
    let thread = ThreadId::from("t1");
    let message = Message {
        thread: &thread,
        id: &"m-1".into(),
        text: "hi",
    };
    let posted = api.post(&"edge".into(), client.at(), &session, message).await;
    assert_eq!(
        posted.ok().map(|accepted| accepted.pod.to_string()).as_deref(),
        Some("chat-3")
    );
    let order = Attach {
        pod: "edge".into(),
        ..attach(client.at(), &session, &thread, TailFrom::Start)
    };
    over(Tail::open(&api, order, owners(), rig.recorder.clone())).await;
    let opened = watchers(&rig.recorder).into_iter().find_map(|event| match event {
        WatcherEvent::TailOpened { pod, .. } => Some(pod.to_string()),
        _ => None,
    });
    assert_eq!(opened.as_deref(), Some("chat-2"));
    let streams: Vec<bool> = rig.routed().iter().map(|one| one.stream).collect();
    assert_eq!(streams, [false, true]);
}

#[tokio::test]
async fn an_event_source_comes_back_behind_the_last_event_and_ends_at_a_refusal() {
    let (rig, edge) = (Rig::new(), FakeEdge::start(streams).await);
    let client = rig.client(edge.at, &browser(1), false);
    let api = named().through(&client);
    let session = api.sign_in(&pod(), client.at(), Who::Own).await.expect("no steps");
    let (thread, recorder) = (ThreadId::from("t1"), rig.recorder.clone());
    let (of_tails, at) = (thread.clone(), client.at());
    let source = EventSource::open(Order {
        opens: Box::new(move |cursor| {
            let from = cursor.map_or(TailFrom::Start, |id| TailFrom::Cursor(id, CursorForm::default()));
            let order = attach(at, &session, &of_tails, from);
            Tail::open(&api, order, owners(), recorder.clone())
        }),
        connections_max: 9,
    });
    let mut course = source.watch();
    let ended = tokio::time::timeout(
        Duration::from_secs(10),
        course.wait_for(|course| course.ended.is_some()),
    );
    ended.await.expect("it ends").expect("it is shown");
    let course = source.leave().await;
    assert_eq!((course.connections, course.ended), (2, Some(Ended::Refused(404))));
    assert_eq!(course.served_by, ["chat-2".into()]);
    assert_eq!(course.seen.served_by, None);
}
