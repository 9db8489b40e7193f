//! Statuses and bodies of the HTTP interface, as a client sees them that knows nothing but Toxiproxy.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::common::{own_address, server, within};

/// One request; status and body.
async fn raw(admin: SocketAddr, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(admin).await.expect("connected");
    // Without a content type, as some clients send it.
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    within("an answer", socket.read_to_string(&mut answer))
        .await
        .expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
    (status, body.to_owned())
}

async fn asked(admin: SocketAddr, method: &str, path: &str, body: Value) -> (u16, Value) {
    let (status, body) = raw(admin, method, path, &body.to_string()).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

fn refusal(error: &str, status: u16) -> (u16, Value) {
    (status, json!({"error": error, "status": status}))
}

#[tokio::test]
async fn a_proxy_lives_its_life_over_http() {
    let (_, admin) = server().await;
    let (status, made) = asked(
        admin,
        "POST",
        "/proxies",
        json!({"name": "p", "listen": own_address(), "upstream": "localhost:1"}),
    )
    .await;
    assert_eq!(status, 201);
    let listen = made["listen"].as_str().expect("an address").to_owned();
    assert!(!listen.ends_with(":0"), "{listen}");
    let expected = json!({"name": "p", "listen": listen, "upstream": "localhost:1", "enabled": true, "toxics": []});
    assert_eq!(made, expected);
    assert_eq!(
        asked(admin, "GET", "/proxies", json!(null)).await,
        (200, json!({"p": expected}))
    );
    for method in ["POST", "PATCH"] {
        let (status, answer) = asked(admin, method, "/proxies/p", json!({"enabled": false})).await;
        assert_eq!(
            (status, &answer["enabled"], &answer["listen"]),
            (200, &json!(false), &json!(listen))
        );
    }
    assert_eq!(raw(admin, "POST", "/reset", "").await, (204, String::new()));
    assert_eq!(asked(admin, "GET", "/proxies/p", json!(null)).await, (200, expected));
    let (_, bare) = asked(
        admin,
        "POST",
        "/proxies",
        json!({"name": "q", "upstream": "localhost:1"}),
    )
    .await;
    let anywhere = bare["listen"].as_str().expect("an address");
    assert!(
        ["[::]:", "0.0.0.0:"].iter().any(|any| anywhere.starts_with(any)),
        "{anywhere}"
    );
    assert_eq!(raw(admin, "DELETE", "/proxies/q", "").await, (204, String::new()));
    assert_eq!(raw(admin, "DELETE", "/proxies/p", "").await, (204, String::new()));
    assert_eq!(
        asked(admin, "GET", "/proxies/p", json!(null)).await,
        refusal("proxy not found", 404)
    );
}

#[tokio::test]
async fn a_toxic_lives_its_life_over_http() {
    let (_, admin) = server().await;
    asked(
        admin,
        "POST",
        "/proxies",
        json!({"name": "p", "listen": "127.0.0.1:0", "upstream": "localhost:1"}),
    )
    .await;
    let body = json!({"type": "latency", "attributes": {"latency": 1000}});
    let (status, mut made) = asked(admin, "POST", "/proxies/p/toxics", body.clone()).await;
    let effects = made
        .as_object_mut()
        .and_then(|made| made.remove("effects"))
        .expect("ours");
    assert_eq!((&effects["in_force"], &effects["times"]), (&json!(0), &json!(0)));
    let mut expected = json!({
        "name": "latency_downstream", "type": "latency", "stream": "downstream", "toxicity": 1.0,
        "attributes": {"latency": 1000, "jitter": 0},
    });
    assert_eq!((status, &made), (200, &expected));
    let again = asked(admin, "POST", "/proxies/p/toxics", body).await;
    assert_eq!(again, refusal("toxic already exists", 409));
    let path = "/proxies/p/toxics/latency_downstream";
    for method in ["POST", "PATCH"] {
        let change = json!({"attributes": {"jitter": 5}, "toxicity": 0.5});
        let (status, mut answer) = asked(admin, method, path, change).await;
        answer.as_object_mut().expect("an object").remove("effects");
        expected["attributes"]["jitter"] = json!(5);
        expected["toxicity"] = json!(0.5);
        assert_eq!((status, &answer), (200, &expected));
    }
    let (status, all) = asked(admin, "GET", "/proxies/p/toxics", json!(null)).await;
    assert_eq!(
        (status, &all[0]["name"], all.as_array().map(Vec::len)),
        (200, &json!("latency_downstream"), Some(1))
    );
    assert_eq!(asked(admin, "GET", path, json!(null)).await.1["type"], "latency");
    assert_eq!(raw(admin, "DELETE", path, "").await, (204, String::new()));
    assert_eq!(
        asked(admin, "DELETE", path, json!(null)).await,
        refusal("toxic not found", 404)
    );
    assert_eq!(
        asked(admin, "POST", path, json!({})).await,
        refusal("toxic not found", 404)
    );
}

#[tokio::test]
async fn refusals_have_toxiproxys_words_and_statuses() {
    let (_, admin) = server().await;
    let proxy = json!({"name": "p", "listen": "127.0.0.1:0", "upstream": "localhost:1"});
    let (_, made) = asked(admin, "POST", "/proxies", proxy.clone()).await;
    let taken = made["listen"].clone();
    assert_eq!(
        asked(admin, "POST", "/proxies", proxy).await,
        refusal("proxy already exists", 409)
    );
    let missing = asked(admin, "POST", "/proxies", json!({"name": "q"})).await;
    assert_eq!(missing, refusal("missing required field: upstream", 400));
    assert_eq!(raw(admin, "POST", "/proxies", "{").await.0, 400);
    let (status, answer) = asked(
        admin,
        "POST",
        "/proxies",
        json!({"name": "q", "upstream": "u:1", "listen": taken}),
    )
    .await;
    assert_eq!((status, &answer["status"]), (500, &json!(500)), "{answer}");
    assert!(
        answer["error"]
            .as_str()
            .is_some_and(|error| error.starts_with("listen tcp 127.0.0.1:")),
        "{answer}"
    );
    let sideways = json!({"type": "latency", "stream": "sideways"});
    let expected = refusal("stream was invalid, can be either upstream or downstream", 400);
    assert_eq!(asked(admin, "POST", "/proxies/p/toxics", sideways).await, expected);
    let unknown = asked(admin, "POST", "/proxies/p/toxics", json!({"type": "none"})).await;
    assert_eq!(unknown, refusal("invalid toxic type", 400));
    assert_eq!(
        asked(admin, "GET", "/proxies/none/toxics", json!(null)).await,
        refusal("proxy not found", 404)
    );
    assert_eq!(asked(admin, "GET", "/none", json!(null)).await.0, 404);
    assert_eq!(asked(admin, "DELETE", "/version", json!(null)).await.0, 405);
    let (status, answer) = asked(admin, "POST", "/populate", json!([{"name": "r"}])).await;
    assert_eq!(
        (status, &answer["error"]),
        (400, &json!("missing required field: upstream at proxy 1"))
    );
}

#[tokio::test]
async fn version_and_metrics_are_told() {
    let (client, admin) = server().await;
    assert_eq!(
        asked(admin, "GET", "/version", json!(null)).await,
        (200, json!({"version": "2.12.0"}))
    );
    assert_eq!(client.version().await.expect("an answer"), "2.12.0");
    asked(
        admin,
        "POST",
        "/proxies",
        json!({"name": "p", "listen": "127.0.0.1:0", "upstream": "localhost:1"}),
    )
    .await;
    let (status, text) = raw(admin, "GET", "/metrics", "").await;
    assert_eq!(status, 200);
    assert!(
        text.contains("toxiproxy_proxy_sent_bytes_total{direction=\"upstream\","),
        "{text}"
    );
}
