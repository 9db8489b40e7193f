//! Streams without toxics, and toxics that make them late or cut them at a byte.

use std::time::{Duration, Instant};

use crosspod_links::model::{Bandwidth, CutInside, Latency, LimitData, Noop, Slicer, SlowClose, Stream, ToxicSpec};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::setup::{BOTH, LONG_MS, links, until_closed, until_reset};
use crate::common::within;

/// Bytes in which no two stretches are alike.
fn pattern(bytes: usize) -> Vec<u8> {
    (0u32..).flat_map(u32::to_le_bytes).take(bytes).collect()
}

#[tokio::test]
async fn bytes_pass_both_ways_and_each_half_ends_alone() {
    let links = links().await;
    for first in BOTH {
        let mut ends = links.connect().await;
        ends.pass(Stream::Upstream, b"ping").await;
        ends.pass(Stream::Downstream, b"pong").await;
        let other = if first == Stream::Upstream {
            Stream::Downstream
        } else {
            Stream::Upstream
        };
        ends.finish(first).await;
        assert_eq!(ends.receive_all(first).await, b"");
        ends.pass(other, b"the other half goes on").await;
        ends.finish(other).await;
        assert_eq!(ends.receive_all(other).await, b"");
    }
}

#[tokio::test]
async fn large_streams_arrive_whole_while_toxics_come_and_go() {
    let links = links().await;
    let ends = links.connect().await;
    let sent = pattern(24 << 20);
    let (mut client_read, mut client_write) = ends.client.into_split();
    let (mut upstream_read, mut upstream_write) = ends.upstream.into_split();
    let (up, down) = (sent.clone(), sent.clone());
    let send_up = tokio::spawn(async move { client_write.write_all(&up).await.map(|()| client_write) });
    let send_down = tokio::spawn(async move { upstream_write.write_all(&down).await.map(|()| upstream_write) });
    let receive = |bytes: usize| vec![0; bytes];
    let mut got = (receive(sent.len()), receive(sent.len()));
    let toxics = async {
        for n in 0..6 {
            for stream in BOTH {
                let slicer = Slicer {
                    average_size: 1000,
                    size_variation: 900,
                    delay: 0,
                };
                links
                    .add_spec(&ToxicSpec::new(stream, Latency { latency: 3, jitter: 3 }))
                    .await;
                links.add_spec(&ToxicSpec::new(stream, slicer)).await;
                links
                    .add_spec(&ToxicSpec::new(stream, Bandwidth { rate: 200_000 }))
                    .await;
                links
                    .add_spec(&ToxicSpec::new(stream, Noop {}).with_toxicity(0.5))
                    .await;
            }
            let order: &[&str] = if n % 2 == 0 {
                &["latency", "slicer", "bandwidth", "noop"]
            } else {
                &["noop", "bandwidth", "slicer", "latency"]
            };
            for kind in order {
                for stream in BOTH {
                    let name = format!("{kind}_{}", stream.name());
                    links.client.remove_toxic("p", &name).await.expect("removed");
                }
            }
        }
    };
    let receiving = async {
        tokio::try_join!(upstream_read.read_exact(&mut got.0), client_read.read_exact(&mut got.1)).expect("received")
    };
    within("both streams", async { tokio::join!(receiving, toxics) }).await;
    assert!(got.0 == sent, "the upstream stream is not what was sent");
    assert!(got.1 == sent, "the downstream stream is not what was sent");
    send_up.await.expect("no panic").expect("sent");
    send_down.await.expect("no panic").expect("sent");
}

#[tokio::test]
async fn latency_delays_its_direction() {
    for stream in BOTH {
        let links = links().await;
        let mut ends = links.connect().await;
        ends.pass(stream, b"before").await;
        links
            .add(
                stream,
                Latency {
                    latency: 150,
                    jitter: 20,
                },
            )
            .await;
        let begun = Instant::now();
        ends.pass(stream, b"late").await;
        assert!(begun.elapsed() >= Duration::from_millis(130), "{:?}", begun.elapsed());
        let effects = links.until("a delay", |effects| effects.times > 0).await;
        assert_eq!((effects.in_force, effects.connections, effects.bytes), (1, 1, 4));
        assert!(effects.first_us >= Some(effects.since_us), "{effects:?}");
    }
}

#[tokio::test]
async fn what_is_late_comes_at_once_when_the_toxic_goes() {
    for stream in BOTH {
        let links = links().await;
        let mut ends = links.connect().await;
        links
            .add(
                stream,
                Latency {
                    latency: LONG_MS,
                    jitter: 0,
                },
            )
            .await;
        ends.send(stream, b"late").await;
        links.until("a delay", |effects| effects.bytes == 4).await;
        ends.nothing_came(stream);
        links.remove().await;
        assert_eq!(ends.receive(stream, 4).await, b"late");
        ends.pass(stream, b"prompt").await;
    }
}

#[tokio::test]
async fn bandwidth_limits_its_direction() {
    for stream in BOTH {
        let links = links().await;
        let mut ends = links.connect().await;
        links.add(stream, Bandwidth { rate: 200 }).await;
        let sent = pattern(60_000);
        let begun = Instant::now();
        ends.pass(stream, &sent).await;
        // 200 KB/s: 0.3 s, less the piece that goes first.
        assert!(begun.elapsed() >= Duration::from_millis(285), "{:?}", begun.elapsed());
        let none = Bandwidth { rate: 0 };
        links
            .client
            .change_toxic("p", "t", &none.into(), 1.0)
            .await
            .expect("changed");
        ends.send(stream, b"stuck").await;
        links.until("the next bytes", |effects| effects.bytes == 60_005).await;
        ends.nothing_came(stream);
        links.remove().await;
        assert_eq!(ends.receive(stream, 5).await, b"stuck");
    }
}

#[tokio::test]
async fn a_slicer_sends_piece_by_piece() {
    for stream in BOTH {
        let links = links().await;
        let mut ends = links.connect().await;
        let slicer = Slicer {
            average_size: 4,
            size_variation: 0,
            delay: LONG_MS * 1000,
        };
        links.add(stream, slicer).await;
        ends.send(stream, b"0123456789").await;
        assert_eq!(ends.receive(stream, 4).await, b"0123");
        let effects = links.until("the slices", |effects| effects.times == 2).await;
        assert_eq!(effects.bytes, 8);
        ends.nothing_came(stream);
        links.remove().await;
        assert_eq!(ends.receive(stream, 6).await, b"456789");
    }
}

#[tokio::test]
async fn slow_close_holds_back_the_end() {
    for stream in BOTH {
        let links = links().await;
        let mut ends = links.connect().await;
        links.add(stream, SlowClose { delay: LONG_MS }).await;
        ends.pass(stream, b"data is not delayed").await;
        ends.finish(stream).await;
        links.until("the end held back", |effects| effects.times == 1).await;
        ends.nothing_came(stream);
        links.remove().await;
        assert_eq!(ends.receive_all(stream).await, b"");
    }
}

#[tokio::test]
async fn limit_data_closes_after_exactly_so_many_bytes() {
    for stream in BOTH {
        let links = links().await;
        let mut ends = links.connect().await;
        ends.pass(stream, b"not counted").await;
        links.add(stream, LimitData { bytes: 7 }).await;
        ends.send(stream, b"0123456789").await;
        assert_eq!(ends.receive_all(stream).await, b"0123456");
        until_closed(ends.of(stream).0).await;
        let effects = links.until("the cut", |effects| effects.times == 1).await;
        assert_eq!((effects.bytes, effects.in_force), (3, 0));
        links.remove().await;
        links.is_healed().await;
    }
}

#[tokio::test]
async fn cut_inside_a_frame_closes_or_resets_in_its_middle() {
    for (stream, reset) in BOTH.into_iter().flat_map(|stream| [(stream, false), (stream, true)]) {
        let links = links().await;
        let mut ends = links.connect().await;
        ends.pass(stream, b"event: token\n\n").await;
        let cut = CutInside {
            pattern: "event: token\n".into(),
            skip: 1,
            reset,
            ..CutInside::default()
        };
        links.add(stream, cut).await;
        ends.pass(stream, b"event: token\n").await;
        ends.send(stream, b"data\nevent: token\ndata").await;
        let got = if reset {
            until_reset(ends.of(stream).1).await
        } else {
            ends.receive_all(stream).await
        };
        assert_eq!(String::from_utf8_lossy(&got), "data\nevent:");
        let effects = links.until("the cut", |effects| effects.times == 1).await;
        assert_eq!((effects.connections, effects.in_force), (1, 0));
        links.remove().await;
        links.is_healed().await;
    }
}

#[tokio::test]
async fn cut_inside_a_character_leaves_half_of_it() {
    for stream in BOTH {
        let links = links().await;
        let mut ends = links.connect().await;
        let cut = CutInside {
            utf8: true,
            ..CutInside::default()
        };
        links.add(stream, cut).await;
        ends.send(stream, "caf\u{e9}!".as_bytes()).await;
        assert_eq!(ends.receive_all(stream).await, [b"caf", &[0xC3][..]].concat());
    }
}
