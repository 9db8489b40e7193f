//! `hold`: silence that can be lifted. What was sent meanwhile arrives late, in order, on the same connection.

use crosspod_links::model::{Hold, Stream, ToxicSpec};

use super::setup::{BOTH, links, until_closed};

#[tokio::test]
async fn what_was_held_arrives_late_in_order_and_the_connection_goes_on() {
    for stream in BOTH {
        let links = links().await;
        let mut ends = links.connect().await;
        ends.pass(stream, b"before").await;
        let effects = links.add(stream, Hold {}).await.effects.expect("ours has them");
        assert_eq!((effects.in_force, effects.times), (1, 0), "nothing was sent yet");
        ends.send(stream, b"first, ").await;
        links.until("seven bytes held", |effects| effects.bytes == 7).await;
        ends.send(stream, b"second").await;
        let effects = links.until("thirteen bytes held", |effects| effects.bytes == 13).await;
        assert_eq!(effects.connections, 1);
        ends.nothing_came(stream);
        links.remove().await;
        assert_eq!(ends.receive(stream, 13).await, b"first, second");
        for stream in BOTH {
            ends.pass(stream, b"it goes on").await;
        }
    }
}

#[tokio::test]
async fn a_sender_that_left_is_not_missed_before_what_it_sent_has_arrived() {
    for stream in BOTH {
        let links = links().await;
        let mut ends = links.connect().await;
        links.add(stream, Hold {}).await;
        ends.send(stream, b"farewell").await;
        ends.finish(stream).await;
        links.until("eight bytes held", |effects| effects.bytes == 8).await;
        ends.nothing_came(stream);
        links.remove().await;
        assert_eq!(ends.receive_all(stream).await, b"farewell");
    }
}

/// Both directions are held, or the sender's alone: a client that is gone is noticed only once its bytes have arrived.
#[tokio::test]
async fn what_a_sender_sent_before_its_reset_arrives_all_the_same() {
    for both in [true, false] {
        let links = links().await;
        let mut ends = links.connect().await;
        links.add(Stream::Upstream, Hold {}).await;
        if both {
            links.add_spec(&ToxicSpec::downstream(Hold {}).named("back")).await;
        }
        ends.send(Stream::Upstream, b"last words").await;
        links.until("ten bytes held", |effects| effects.bytes == 10).await;
        ends.client.set_zero_linger().expect("set");
        drop(std::mem::replace(&mut ends.client, links.dial().await));
        // An answer that its receiver refuses does not end the connection either.
        ends.send(Stream::Downstream, b"are you there?").await;
        for _ in 0..20 {
            // Each answer takes the proxy, which runs on this thread, through several turns.
            links.effects().await;
        }
        ends.nothing_came(Stream::Upstream);
        links.remove().await;
        if both {
            links.client.remove_toxic("p", "back").await.expect("removed");
        }
        assert_eq!(ends.receive(Stream::Upstream, 10).await, b"last words", "both: {both}");
    }
}

#[tokio::test]
async fn a_receiver_that_is_gone_ends_the_connection_once_the_silence_is_lifted() {
    let links = links().await;
    let mut ends = links.connect().await;
    for stream in BOTH {
        links
            .add_spec(&ToxicSpec::new(stream, Hold {}).named(stream.name()))
            .await;
    }
    ends.send(Stream::Upstream, b"to nobody").await;
    ends.upstream.set_zero_linger().expect("set");
    drop(ends.upstream);
    for stream in BOTH {
        links.client.remove_toxic("p", stream.name()).await.expect("removed");
    }
    until_closed(&mut ends.client).await;
    links.is_healed().await;
}
