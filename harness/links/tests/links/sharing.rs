//! Proxies that share an address, and tell their clients apart by the host that they come from.

use std::net::SocketAddr;

use crosspod_links::client::Client;
use crosspod_links::model::{HalfOpen, NewConnections, ProxySpec, ToxicSpec};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::setup::until_reset;
use crate::common::{own_address, server, within};

/// Hosts of clients: addresses that stand for themselves, where the first has a name too.
const ONE: &str = "127.0.0.1";
const TWO: &str = "127.0.0.2";
const STRANGER: &str = "127.0.0.3";

/// Three upstreams behind one address: for the host ONE by its name, for TWO, and for everybody else.
struct Shared {
    client: Client,
    listen: SocketAddr,
    upstreams: [TcpListener; 3],
}

const NAMES: [&str; 3] = ["one", "two", "rest"];

async fn shared(proxies: usize) -> Shared {
    let (client, _) = server().await;
    let mut listen = own_address();
    let mut upstreams = Vec::new();
    for (at, name) in NAMES.iter().enumerate() {
        let upstream = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let to = upstream.local_addr().expect("bound").to_string();
        upstreams.push(upstream);
        if at >= proxies {
            continue;
        }
        let spec = ProxySpec::new(*name, listen.clone(), to);
        let spec = match at {
            0 => spec.serving("localhost"),
            1 => spec.serving(TWO),
            _ => spec,
        };
        let made = client.create(&spec).await.expect("created");
        assert_eq!(made.spec.from, spec.from);
        listen = made.spec.listen;
    }
    Shared {
        client,
        listen: listen.parse().expect("an address"),
        upstreams: upstreams.try_into().expect("three of them"),
    }
}

impl Shared {
    async fn dial(&self, from: &str) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4().expect("a socket");
        let from = format!("{from}:0").parse().expect("an address");
        socket.bind(from).expect("an address of this machine");
        within("a connection", socket.connect(self.listen)).await
    }

    /// The upstream that a client on that host is led to.
    async fn led_to(&self, from: &str) -> &'static str {
        let _client = self.dial(from).await.expect("connected");
        let [one, two, rest] = &self.upstreams;
        within("an upstream's accept", async {
            tokio::select! {
                _ = one.accept() => NAMES[0],
                _ = two.accept() => NAMES[1],
                _ = rest.accept() => NAMES[2],
            }
        })
        .await
    }

    async fn is_reset(&self, from: &str) {
        // The reset may come before the caller has seen its connection.
        if let Ok(mut client) = self.dial(from).await {
            until_reset(&mut client).await;
        }
    }
}

#[tokio::test]
async fn each_client_is_led_by_the_proxy_of_its_host_and_a_stranger_by_the_one_without() {
    let shared = shared(3).await;
    for _ in 0..2 {
        assert_eq!(shared.led_to(ONE).await, "one");
        assert_eq!(shared.led_to(TWO).await, "two");
        assert_eq!(shared.led_to(STRANGER).await, "rest");
    }
    for name in NAMES {
        assert_eq!(
            shared.client.effects(name).await.expect("an answer").accepted,
            2,
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_stranger_is_reset_where_every_proxy_names_its_clients() {
    let shared = shared(2).await;
    shared.is_reset(STRANGER).await;
    assert_eq!(shared.led_to(TWO).await, "two");
}

#[tokio::test]
async fn a_disabled_proxy_resets_its_clients_and_leaves_the_others_alone() {
    let shared = shared(3).await;
    shared.client.enable("two", false).await.expect("disabled");
    shared.is_reset(TWO).await;
    assert_eq!(shared.led_to(ONE).await, "one");
    assert_eq!(shared.led_to(STRANGER).await, "rest");
    shared.client.enable("two", true).await.expect("enabled");
    assert_eq!(shared.led_to(TWO).await, "two");
}

#[tokio::test]
async fn a_proxy_that_is_to_refuse_resets_and_is_healed() {
    let shared = shared(2).await;
    let refuse = HalfOpen {
        new_connections: NewConnections::Refuse,
    };
    let toxic = ToxicSpec::downstream(refuse).named("t");
    shared.client.add_toxic("two", &toxic).await.expect("added");
    shared.is_reset(TWO).await;
    assert_eq!(shared.led_to(ONE).await, "one");
    shared.client.remove_toxic("two", "t").await.expect("removed");
    assert_eq!(shared.led_to(TWO).await, "two");
}

#[tokio::test]
async fn nobody_listens_where_every_proxy_of_an_address_is_disabled() {
    let shared = shared(2).await;
    for name in &NAMES[..2] {
        shared.client.enable(name, false).await.expect("disabled");
    }
    let error = shared.dial(TWO).await.expect_err("refused");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    shared.client.reset().await.expect("reset");
    assert_eq!(shared.led_to(TWO).await, "two");
}

#[tokio::test]
async fn a_deleted_proxys_clients_are_strangers() {
    let shared = shared(3).await;
    shared.client.delete("two").await.expect("deleted");
    assert_eq!(shared.led_to(TWO).await, "rest");
}

#[tokio::test]
async fn one_host_has_one_proxy_at_an_address() {
    let shared = shared(2).await;
    let again = ProxySpec::new("again", shared.listen.to_string(), "localhost:1").serving(TWO);
    let refusal = shared.client.create(&again).await.expect_err("refused").to_string();
    assert!(refusal.contains("in use") && refusal.contains("500"), "{refusal}");
    let moved = ProxySpec {
        name: "two".into(),
        ..again
    };
    let moved = moved.serving(STRANGER);
    shared
        .client
        .populate(&[moved])
        .await
        .expect("another client is another proxy");
    shared.is_reset(TWO).await;
}
