//! The journal, its events, and forgetting.

use futures_util::StreamExt;
use mock_ai::{
    journal::{CallId, CallRecord, Cause, EventKind, Message},
    script::EndMode,
    server::Server,
};
use reqwest::StatusCode;
use serde_json::json;

use crate::client::{Ending, Provider, within};

#[tokio::test]
async fn a_record_holds_the_request_with_its_secrets_redacted() {
    let provider = Provider::start().await;
    let body = json!({"model": "m", "stream": true, "messages": [
        {"role": "system", "content": "be brief"}, {"role": "user", "content": "[[mock key:t many:2]]"}]});
    let request = provider.complete(&body).bearer_auth("sk-secret").header("x-trace", "a");
    let response = request.header("x-trace", "b").send().await.unwrap();
    let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let bytes = response.bytes().await.unwrap();
    let record = provider.ended(CallId(1)).await;
    assert_eq!(
        (&*record.id.key, record.id.ordinal, record.id.pod.as_deref()),
        ("t", 1, None)
    );
    let messages = [("system", "be brief"), ("user", "[[mock key:t many:2]]")].map(|(role, text)| Message {
        role: role.into(),
        text: text.into(),
    });
    assert_eq!(*record.messages, messages);
    assert_eq!(
        (&*record.headers["authorization"], &*record.headers["x-trace"]),
        ("[redacted]", "a, b")
    );
    assert_eq!(
        (record.bytes, record.tokens, record.request_id),
        (bytes.len() as u64, 2, request_id)
    );
    assert!(record.peer.starts_with("127.0.0.1:"));
    assert!(!serde_json::to_string(&record.headers).unwrap().contains("secret"));
}

#[tokio::test]
async fn a_call_is_the_callers_whose_address_it_came_to() {
    let mut server = Server::bind("127.0.0.1:0", "127.0.0.1:0").await.unwrap();
    let own = [
        server.bind_for("chat-1", "127.0.0.1:0").await.unwrap(),
        server.bind_for("chat-2", "127.0.0.1:0").await.unwrap(),
    ];
    let addresses = [own[1], server.listen, own[0]];
    let provider = Provider::serving(server);
    for (address, pod) in addresses.iter().zip([Some("chat-2"), None, Some("chat-1")]) {
        let request = provider.http.post(format!("http://{address}/v1/chat/completions"));
        let request =
            request.json(&json!({"model": "m", "messages": [{"role": "user", "content": "[[mock key:t many:2]]"}]}));
        // A header says nothing: anybody may send one.
        let response = request.header("x-pod", "chat-9").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let calls: Vec<CallRecord> = provider.admin_get("calls?key=t").await.json().await.unwrap();
        assert_eq!(calls.last().unwrap().id.pod.as_deref(), pod);
    }
}

#[tokio::test]
async fn calls_are_found_by_key_and_ordinal_and_waited_for() {
    let provider = Provider::start().await;
    let get = |path: &'static str| async { provider.admin_get(path).await };
    let early = get("calls?key=t&wait=1").await;
    assert_eq!(
        (early.status(), early.text().await.unwrap()),
        (StatusCode::REQUEST_TIMEOUT, "[]".to_owned())
    );
    assert_eq!(get("calls/1").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(get("calls?wait=soon").await.status(), StatusCode::BAD_REQUEST);

    let ask = async {
        for prompt in ["[[mock key:other]]", "[[mock key:t]]", "[[mock key:t]]"] {
            provider.open(prompt).await.rest().await;
        }
    };
    let (second, ()) = tokio::join!(get("calls?key=t&ordinal=2&wait=20000"), ask);
    let records: Vec<CallRecord> = second.json().await.unwrap();
    assert_eq!(
        records.iter().map(|r| (r.id.call.0, r.id.ordinal)).collect::<Vec<_>>(),
        [(3, 2)]
    );
    let since: Vec<CallRecord> = get("calls?since=1").await.json().await.unwrap();
    assert_eq!(since.iter().map(|r| r.id.call.0).collect::<Vec<_>>(), [2, 3]);
}

#[tokio::test]
async fn events_tell_the_story_of_a_call_while_it_happens() {
    let provider = Provider::start().await;
    let mut events = provider.events().await;
    let mut chat = provider.open("[[mock key:t many:3 gate#2:g]]").await;
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(within("an event", events.next()).await.unwrap());
    }
    assert_eq!(
        told[2].kind,
        EventKind::Held {
            gate: "g".into(),
            after: 2
        }
    );
    provider.admin_post("gates/g/open", "").await;
    assert_eq!(chat.rest().await.1, Ending::Done);
    for _ in 0..2 {
        told.push(within("an event", events.next()).await.unwrap());
    }
    let names: Vec<_> = told.iter().map(|event| event.kind.name()).collect();
    assert_eq!(names, ["started", "first_byte", "held", "released", "ended"]);
    assert_eq!(
        told[4].kind,
        EventKind::Ended {
            cause: Cause::Complete,
            tokens: 3
        }
    );
    let EventKind::Started { messages } = &told[0].kind else {
        panic!("{:?}", told[0])
    };
    assert_eq!(messages[0].text, "[[mock key:t many:3 gate#2:g]]");
    assert!(told.iter().all(|event| event.call == told[0].call));
    assert!(told.is_sorted_by_key(|event| event.at_us));

    let later = provider
        .admin_get("events?since=4")
        .await
        .bytes_stream()
        .next()
        .await
        .unwrap()
        .unwrap();
    assert!(String::from_utf8_lossy(&later).contains("id: 5\n"), "{later:?}");
}

#[tokio::test]
async fn a_reset_stops_the_key_and_starts_it_anew() {
    let provider = Provider::start().await;
    let prompt = "[[mock key:t many:3 gate#1:g]]";
    let mut held = provider.open(prompt).await;
    held.tokens(1).await;
    let mut other = provider.open("[[mock key:other many:3 gate#1:h]]").await;
    other.tokens(1).await;
    provider.admin_post("gates/g/open?through=1", "").await;
    assert_eq!(
        provider.admin_post("reset?key=t", "").await.status(),
        StatusCode::NO_CONTENT
    );
    assert_eq!(held.rest().await, (String::new(), Ending::Broken));
    assert_eq!(provider.gate("g").await.open_through, None);

    let mut again = provider.open(prompt).await;
    assert!(again.tokens(1).await.starts_with("~t.c1.k1.n3."));
    assert_eq!(
        provider.gate("h?wait=20000").await.held.len(),
        1,
        "the other key's stream is as it was"
    );
    provider.admin_post("reset", "").await;
    assert_eq!(
        (again.rest().await.1, other.rest().await.1),
        (Ending::Broken, Ending::Broken)
    );
    assert_eq!(provider.admin_get("calls").await.text().await.unwrap(), "[]");
}

#[tokio::test]
async fn metrics_count_calls_and_how_they_ended() {
    let provider = Provider::start().await;
    provider.open("many:5").await.rest().await;
    provider.open("[[mock many:5 end#2:eof]]").await.rest().await;
    let mut held = provider.open("[[mock key:t many:5 gate#4:g]]").await;
    held.tokens(4).await;
    provider.gate("g?wait=20000").await;
    assert_eq!(provider.ended(CallId(2)).await.cause, Some(Cause::End(EndMode::Eof)));
    let metrics = provider.admin_get("metrics").await.text().await.unwrap();
    for line in [
        "mock_ai_calls_total 3",
        "mock_ai_calls_ended_total{cause=\"complete\"} 1",
        "mock_ai_calls_ended_total{cause=\"end:eof\"} 1",
        "mock_ai_calls_live 1",
        "mock_ai_calls_held 1",
        "mock_ai_tokens_total 11",
    ] {
        assert!(metrics.lines().any(|has| has == line), "no {line} in:\n{metrics}");
    }
}
