//! A proxy with an upstream behind it, and connections between the two. Waits are for conditions, each with a bound.

use std::io::ErrorKind;
use std::time::Duration;

use crosspod_links::client::Client;
use crosspod_links::model::{Attributes, Effects, ProxyEffects, ProxySpec, Stream, Toxic, ToxicSpec};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::common::{own_address, server, within};

/// An attribute that means longer than any test, milliseconds.
pub(crate) const LONG_MS: u64 = 3_600_000;

pub(crate) const BOTH: [Stream; 2] = [Stream::Upstream, Stream::Downstream];

/// A proxy by the name of `p` with an upstream behind it.
pub(crate) struct Links {
    pub(crate) client: Client,
    pub(crate) upstream: TcpListener,
    pub(crate) listen: String,
}

/// Both ends of one connection through the proxy.
pub(crate) struct Ends {
    pub(crate) client: TcpStream,
    pub(crate) upstream: TcpStream,
}

pub(crate) async fn links() -> Links {
    let upstream = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let (client, _) = server().await;
    let to = upstream.local_addr().expect("bound").to_string();
    let proxy = client.create(&ProxySpec::new("p", own_address(), to)).await;
    Links {
        listen: proxy.expect("created").spec.listen,
        client,
        upstream,
    }
}

impl Links {
    /// A connection that the upstream has accepted.
    pub(crate) async fn connect(&self) -> Ends {
        let client = self.dial().await;
        let (upstream, _) = within("the upstream's accept", self.upstream.accept())
            .await
            .expect("accepted");
        Ends { client, upstream }
    }

    /// A connection that the proxy has accepted.
    pub(crate) async fn dial(&self) -> TcpStream {
        within("a connection", TcpStream::connect(&self.listen))
            .await
            .expect("connected")
    }

    pub(crate) async fn add(&self, stream: Stream, attributes: impl Into<Attributes>) -> Toxic {
        self.add_spec(&ToxicSpec::new(stream, attributes).named("t")).await
    }

    pub(crate) async fn add_spec(&self, toxic: &ToxicSpec) -> Toxic {
        self.client.add_toxic("p", toxic).await.expect("added")
    }

    pub(crate) async fn remove(&self) {
        self.client.remove_toxic("p", "t").await.expect("removed");
    }

    pub(crate) async fn effects(&self) -> ProxyEffects {
        self.client.effects("p").await.expect("an answer")
    }

    /// What the toxic `t` has done, once that is as it must become.
    pub(crate) async fn until(&self, what: &str, is: impl Fn(&Effects) -> bool) -> Effects {
        let answer = async {
            loop {
                let effects = self.effects().await.toxics["t"];
                if is(&effects) {
                    return effects;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        within(what, answer).await
    }

    /// That the proxy works as if there had never been a fault.
    pub(crate) async fn is_healed(&self) {
        let mut ends = self.connect().await;
        for stream in BOTH {
            ends.pass(stream, b"healed").await;
        }
    }
}

impl Ends {
    /// Sender and receiver of a direction.
    pub(crate) fn of(&mut self, stream: Stream) -> (&mut TcpStream, &mut TcpStream) {
        match stream {
            Stream::Upstream => (&mut self.client, &mut self.upstream),
            Stream::Downstream => (&mut self.upstream, &mut self.client),
        }
    }

    pub(crate) async fn send(&mut self, stream: Stream, bytes: &[u8]) {
        within("sending", self.of(stream).0.write_all(bytes))
            .await
            .expect("sent");
    }

    /// Ends the sender's half.
    pub(crate) async fn finish(&mut self, stream: Stream) {
        self.of(stream).0.shutdown().await.expect("half-closed");
    }

    pub(crate) async fn receive(&mut self, stream: Stream, bytes: usize) -> Vec<u8> {
        let mut got = vec![0; bytes];
        within("receiving", self.of(stream).1.read_exact(&mut got))
            .await
            .expect("received");
        got
    }

    /// Everything up to the end of the stream, which must be an end and not a reset.
    pub(crate) async fn receive_all(&mut self, stream: Stream) -> Vec<u8> {
        let mut got = Vec::new();
        within("the end of the stream", self.of(stream).1.read_to_end(&mut got))
            .await
            .expect("an end");
        got
    }

    pub(crate) async fn pass(&mut self, stream: Stream, bytes: &[u8]) {
        self.send(stream, bytes).await;
        assert_eq!(self.receive(stream, bytes.len()).await, bytes);
    }

    /// That nothing is there to be received, not even an end.
    pub(crate) fn nothing_came(&mut self, stream: Stream) {
        // Asked of the system: what the runtime knows of a socket may be older.
        let mut came = [0; 16];
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let received = recv(self.of(stream).1, &mut came[..], flags).map(|(read, _)| read);
        assert_eq!(received, Err(Errno::AGAIN), "something came: {came:?}");
    }
}

/// Everything up to a reset, which must come.
pub(crate) async fn until_reset(socket: &mut TcpStream) -> Vec<u8> {
    let mut got = Vec::new();
    let error = within("a reset", socket.read_to_end(&mut got))
        .await
        .expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    got
}

/// That the peer has ended the stream with nothing before.
pub(crate) async fn until_closed(socket: &mut TcpStream) {
    let mut got = Vec::new();
    within("the end of the stream", socket.read_to_end(&mut got))
        .await
        .expect("an end");
    assert_eq!(got, b"");
}
