//! Proxies that come, go, change and are taken down, and what their connections see of it.

use std::io::ErrorKind;

use crosspod_links::model::{Latency, ProxyChange, ProxySpec, Stream, Timeout, ToxicSpec};
use tokio::net::{TcpListener, TcpStream};

use super::setup::{BOTH, links, until_closed};
use crate::common::{own_address, server, within};

#[tokio::test]
async fn a_disabled_proxy_closes_its_connections_and_refuses_new_ones() {
    let links = links().await;
    let mut ends = links.connect().await;
    let answer = links.client.enable("p", false).await.expect("disabled");
    assert_eq!(
        (answer.spec.enabled, answer.spec.listen.as_str()),
        (false, links.listen.as_str())
    );
    until_closed(&mut ends.client).await;
    until_closed(&mut ends.upstream).await;
    let error = TcpStream::connect(&links.listen).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(links.effects().await.live, 0);
    links.client.enable("p", true).await.expect("enabled");
    links.is_healed().await;
}

#[tokio::test]
async fn reset_enables_every_proxy_and_removes_every_toxic() {
    let links = links().await;
    links.add(Stream::Upstream, Timeout::default()).await;
    links.client.enable("p", false).await.expect("disabled");
    links.client.reset().await.expect("reset");
    let proxy = links.client.proxy("p").await.expect("an answer");
    assert!(proxy.spec.enabled && proxy.toxics.is_empty());
    links.is_healed().await;
}

#[tokio::test]
async fn a_deleted_proxy_is_gone_with_its_connections() {
    let links = links().await;
    let mut ends = links.connect().await;
    links.client.delete("p").await.expect("deleted");
    until_closed(&mut ends.client).await;
    until_closed(&mut ends.upstream).await;
    assert!(TcpStream::connect(&links.listen).await.is_err());
    assert!(links.client.proxies().await.expect("an answer").is_empty());
}

#[tokio::test]
async fn another_upstream_is_taken_by_new_connections_and_toxics_stay() {
    let links = links().await;
    let mut ends = links.connect().await;
    links.add(Stream::Upstream, Latency { latency: 1, jitter: 0 }).await;
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    // By name: it is looked up for each connection.
    let port = elsewhere.local_addr().expect("bound").port();
    let change = ProxyChange {
        upstream: Some(format!("localhost:{port}")),
        ..ProxyChange::default()
    };
    let answer = links.client.change("p", &change).await.expect("changed");
    assert_eq!(
        (answer.spec.listen, answer.spec.enabled, answer.toxics.len()),
        (links.listen.clone(), true, 1)
    );
    until_closed(&mut ends.client).await;
    let _client = links.dial().await;
    within("the other upstream's accept", elsewhere.accept())
        .await
        .expect("accepted");
}

#[tokio::test]
async fn populating_keeps_what_is_the_same_and_replaces_what_is_not() {
    let links = links().await;
    let mut ends = links.connect().await;
    links.add(Stream::Upstream, Latency { latency: 1, jitter: 0 }).await;
    let same = links.client.proxy("p").await.expect("an answer").spec;
    let other = ProxySpec::new("q", "localhost:0", same.upstream.clone());
    let answer = links.client.populate(&[same.clone(), other]).await.expect("populated");
    assert_eq!((answer[0].toxics.len(), answer[1].spec.name.as_str()), (1, "q"));
    ends.pass(Stream::Downstream, b"still there").await;
    let moved = ProxySpec {
        listen: own_address(),
        ..same
    };
    let answer = links.client.populate(&[moved]).await.expect("populated");
    assert_eq!(answer[0].toxics.len(), 0);
    until_closed(&mut ends.client).await;
}

#[tokio::test]
async fn an_upstream_that_cannot_be_reached_closes_the_client_and_is_counted() {
    let (client, _) = server().await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let upstream = nobody.local_addr().expect("bound").to_string();
    drop(nobody);
    let proxy = client
        .create(&ProxySpec::new("p", "127.0.0.1:0", upstream))
        .await
        .expect("created");
    let mut socket = TcpStream::connect(&proxy.spec.listen).await.expect("accepted");
    until_closed(&mut socket).await;
    let answer = client.effects("p").await.expect("an answer");
    assert_eq!((answer.accepted, answer.unreachable), (1, 1));
}

#[tokio::test]
async fn a_reset_by_a_peer_reaches_the_other_side_as_a_reset() {
    let links = links().await;
    for stream in BOTH {
        let mut ends = links.connect().await;
        ends.pass(stream, b"before").await;
        let (gone, other) = match stream {
            Stream::Upstream => (ends.client, &mut ends.upstream),
            Stream::Downstream => (ends.upstream, &mut ends.client),
        };
        gone.set_zero_linger().expect("set");
        drop(gone);
        super::setup::until_reset(other).await;
    }
}

#[tokio::test]
async fn effects_name_the_proxy_and_each_toxic() {
    let links = links().await;
    let mut ends = links.connect().await;
    links
        .add_spec(&ToxicSpec::upstream(Latency { latency: 1, jitter: 0 }))
        .await;
    links.add_spec(&ToxicSpec::downstream(Timeout::default())).await;
    ends.pass(Stream::Upstream, b"12345").await;
    let answer = links.effects().await;
    assert_eq!(
        (
            answer.accepted,
            answer.live,
            answer.upstream_bytes,
            answer.downstream_bytes
        ),
        (1, 1, 5, 0)
    );
    let names: Vec<_> = answer.toxics.keys().collect();
    assert_eq!(names, ["latency_upstream", "timeout_downstream"]);
    let late = answer.toxics["latency_upstream"];
    assert!(
        late.since_us <= late.first_us.expect("a delay") && late.last_us <= Some(answer.now_us),
        "{answer:?}"
    );
    let shown = links.client.toxic("p", "latency_upstream").await.expect("an answer");
    assert_eq!(shown.effects.expect("ours has them").bytes, 5);
}
