//! Toxics that let nothing through, toxicity, and connections that are made meanwhile.

use std::io::ErrorKind;

use crosspod_links::model::{Down, HalfOpen, Latency, NewConnections, Noop, ResetPeer, Stream, Timeout, ToxicSpec};
use tokio::net::TcpStream;

use super::setup::{BOTH, LONG_MS, links, until_closed, until_reset};
use crate::common::within;

fn other(stream: Stream) -> Stream {
    match stream {
        Stream::Upstream => Stream::Downstream,
        Stream::Downstream => Stream::Upstream,
    }
}

#[tokio::test]
async fn a_black_hole_swallows_one_direction_and_keeps_the_connection() {
    for stream in BOTH {
        let links = links().await;
        let mut ends = links.connect().await;
        ends.pass(stream, b"before").await;
        let toxic = links.add(stream, Timeout { timeout: 0 }).await;
        let effects = toxic.effects.expect("ours has them");
        assert_eq!(
            (effects.in_force, effects.times),
            (1, 0),
            "in force when added, and nothing came of it yet"
        );
        ends.send(stream, b"swallowed").await;
        let effects = links.until("nine bytes gone", |effects| effects.bytes == 9).await;
        assert_eq!(effects.connections, 1);
        ends.nothing_came(stream);
        ends.pass(other(stream), b"the other way is open").await;
        links.remove().await;
        assert_eq!(
            ends.receive_all(stream).await,
            b"",
            "bytes are missing, so it cannot go on"
        );
        until_closed(ends.of(stream).0).await;
        links.is_healed().await;
    }
}

#[tokio::test]
async fn a_timeout_closes_the_connection() {
    for stream in BOTH {
        let links = links().await;
        let mut ends = links.connect().await;
        links.add(stream, Timeout { timeout: 30 }).await;
        until_closed(&mut ends.client).await;
        until_closed(&mut ends.upstream).await;
        let effects = links.until("the close", |effects| effects.times == 1).await;
        assert_eq!((effects.connections, effects.in_force), (1, 0));
    }
}

#[tokio::test]
async fn reset_peer_resets_both_sides_of_live_and_new_connections() {
    for stream in BOTH {
        let links = links().await;
        let mut ends = links.connect().await;
        ends.pass(stream, b"before").await;
        let toxic = links.add(stream, ResetPeer { timeout: 0 }).await;
        let effects = toxic.effects.expect("ours has them");
        assert_eq!(
            (effects.times, effects.connections, effects.in_force),
            (1, 1, 0),
            "it has landed when it is added"
        );
        until_reset(&mut ends.client).await;
        until_reset(&mut ends.upstream).await;
        let mut late = links.dial().await;
        until_reset(&mut late).await;
        links.until("the second", |effects| effects.connections == 2).await;
        links.remove().await;
        links.is_healed().await;
    }
}

#[tokio::test]
async fn reset_peer_waits_for_its_time_and_not_for_a_receiver_that_does_not_read() {
    let links = links().await;
    let mut ends = links.connect().await;
    // With a toxic that looks at the bytes they wait in the proxy, and not in the splice's pipe.
    links.add_spec(&ToxicSpec::upstream(Noop {})).await;
    // More than the sockets' buffers hold, so that the proxy stands before a full receiver.
    let flood = vec![0; 1 << 20];
    let flooded = tokio::time::timeout(std::time::Duration::from_millis(300), async {
        loop {
            ends.send(Stream::Upstream, &flood).await;
        }
    });
    assert!(flooded.await.is_err(), "the receiver takes without bound");
    links.add(Stream::Upstream, ResetPeer { timeout: 50 }).await;
    links.until("the reset", |effects| effects.times == 1).await;
    until_reset(&mut ends.client).await;
    until_reset(&mut ends.upstream).await;
}

#[tokio::test]
async fn half_open_stops_one_direction_hides_its_end_and_goes_on_later() {
    for stream in BOTH {
        let links = links().await;
        let mut ends = links.connect().await;
        let toxic = links.add(stream, HalfOpen::default()).await;
        let effects = toxic.effects.expect("ours has them");
        assert_eq!(
            (effects.in_force, effects.connections),
            (1, 1),
            "it has landed when it is added"
        );
        ends.send(stream, b"kept").await;
        ends.finish(stream).await;
        ends.pass(other(stream), b"the other way is open").await;
        ends.nothing_came(stream);
        links.remove().await;
        assert_eq!(ends.receive_all(stream).await, b"kept");
        links.is_healed().await;
    }
}

#[tokio::test]
async fn half_open_hides_a_side_that_is_gone() {
    let links = links().await;
    let mut ends = links.connect().await;
    for stream in BOTH {
        let toxic = ToxicSpec::new(stream, HalfOpen::default());
        links.add_spec(&toxic).await;
    }
    ends.upstream.set_zero_linger().expect("set");
    drop(ends.upstream);
    // Written into the proxy's silence; a proxy that had passed on the reset would refuse it.
    let text = [0; 4096];
    let mut sent = 0;
    while sent < 1 << 16 {
        sent += ends.client.try_write(&text).expect("the client's socket takes it");
    }
    assert_eq!(
        ends.client.try_read(&mut [0; 1]).expect_err("nothing came").kind(),
        ErrorKind::WouldBlock
    );
    assert_eq!(links.effects().await.live, 1);
    links.client.reset().await.expect("reset");
    until_reset(&mut ends.client).await;
}

#[tokio::test]
async fn half_open_hides_a_reset_that_the_other_direction_meets() {
    let links = links().await;
    let mut ends = links.connect().await;
    links.add(Stream::Upstream, HalfOpen::default()).await;
    ends.upstream.set_zero_linger().expect("set");
    drop(ends.upstream);
    // Each answer takes the proxy, which runs on this thread, through several turns.
    for _ in 0..20 {
        assert_eq!(links.effects().await.live, 1);
    }
    let came = ends.client.try_read(&mut [0; 1]).expect_err("nothing came");
    assert_eq!(came.kind(), ErrorKind::WouldBlock);
    links.remove().await;
    until_reset(&mut ends.client).await;
}

#[tokio::test]
async fn half_open_holds_new_connections_or_refuses_them() {
    for (stream, new_connections) in BOTH
        .into_iter()
        .flat_map(|stream| [(stream, NewConnections::Hold), (stream, NewConnections::Refuse)])
    {
        let links = links().await;
        let mut live = links.connect().await;
        links.add(stream, HalfOpen { new_connections }).await;
        if new_connections == NewConnections::Refuse {
            let error = TcpStream::connect(&links.listen).await.expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            links.remove().await;
        } else {
            let held = links.dial().await;
            links.until("it is held", |effects| effects.in_force == 2).await;
            live.pass(other(stream), b"the proxy has had its turn").await;
            let reached = std::future::poll_fn(|cx| std::task::Poll::Ready(links.upstream.poll_accept(cx).is_ready()));
            assert!(!reached.await, "the upstream hears nothing of it");
            links.remove().await;
            let (_served, _) = within("it is served now", links.upstream.accept())
                .await
                .expect("accepted");
            drop(held);
        }
        live.pass(stream, b"goes on").await;
        links.is_healed().await;
    }
}

#[tokio::test]
async fn down_ends_one_direction_and_leaves_the_other() {
    for stream in BOTH {
        let links = links().await;
        let mut ends = links.connect().await;
        ends.pass(stream, b"before").await;
        let toxic = links.add(stream, Down {}).await;
        assert_eq!(
            toxic.effects.expect("ours has them").connections,
            1,
            "it has landed when it is added"
        );
        assert_eq!(ends.receive_all(stream).await, b"");
        ends.send(stream, b"dropped").await;
        links.until("seven bytes dropped", |effects| effects.bytes == 7).await;
        ends.pass(other(stream), b"the other way is open").await;
        links.remove().await;
        until_closed(ends.of(stream).0).await;
        links.is_healed().await;
    }
}

#[tokio::test]
async fn toxicity_0_spares_all_1_hits_all_and_between_them_some() {
    const CONNECTIONS: u64 = 40;
    for (toxicity, least, most) in [(0.0, 0, 0), (1.0, CONNECTIONS, CONNECTIONS), (0.5, 1, CONNECTIONS - 1)] {
        let links = links().await;
        let mut all = Vec::new();
        for n in 0..CONNECTIONS {
            if n == CONNECTIONS / 2 {
                let toxic = ToxicSpec::downstream(Timeout::default()).named("t");
                links.add_spec(&toxic.with_toxicity(toxicity)).await;
            }
            all.push(links.connect().await);
        }
        for ends in &mut all {
            ends.send(Stream::Downstream, b"x").await;
        }
        // Each byte is either dropped or passed on.
        let effects = within("every byte", async {
            loop {
                let effects = links.effects().await;
                if effects.toxics["t"].bytes + effects.downstream_bytes == CONNECTIONS {
                    return effects;
                }
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        });
        let hit = effects.await.toxics["t"];
        assert!((least..=most).contains(&hit.connections), "{toxicity}: {hit:?}");
        assert_eq!(
            (hit.in_force, hit.bytes),
            (hit.connections, hit.connections),
            "{toxicity}"
        );
    }
}

#[tokio::test]
async fn a_change_takes_effect_on_live_connections() {
    let links = links().await;
    let mut ends = links.connect().await;
    let toxic = ToxicSpec::upstream(Latency {
        latency: LONG_MS,
        jitter: 0,
    })
    .named("t");
    links.add_spec(&toxic.clone().with_toxicity(0.0)).await;
    ends.pass(Stream::Upstream, b"spared").await;
    let effects = links
        .client
        .change_toxic("p", "t", &toxic.attributes, 1.0)
        .await
        .expect("changed");
    assert_eq!(effects.effects.expect("ours has them").in_force, 1);
    ends.send(Stream::Upstream, b"hit").await;
    links.until("a delay", |effects| effects.bytes == 3).await;
    ends.nothing_came(Stream::Upstream);
    let short = Latency { latency: 1, jitter: 0 };
    links
        .client
        .change_toxic("p", "t", &short.into(), 1.0)
        .await
        .expect("changed");
    assert_eq!(ends.receive(Stream::Upstream, 3).await, b"hit");
}
