//! A relay in this process, between a client and an entry of the edge. It begins each connection with a PROXY line, by which the
//! client says its address, and speaks TLS to the entry, so that the client above speaks plain HTTP.
//!
//! The relay listens on loopback and connects to the entry alone. It neither reads nor changes what passes.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::task::AbortOnDropHandle;

use crate::workload::answer::chain;

/// Most connections that pass at once; further ones wait.
const CONNECTIONS_MAX: usize = 256;
/// Longest until the entry has taken a connection, TLS included.
const CONNECT: Duration = Duration::from_secs(2);
/// The name of the edge, in its certificate too.
pub(super) const HOST: &str = "localhost";

/// The only certificate that is trusted: the cluster's own.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trust").finish_non_exhaustive()
    }
}

impl Trust {
    /// Trusts one certificate, in PEM, and nothing else.
    ///
    /// # Errors
    /// The text holds no certificate, or one that cannot be trusted, in words.
    pub fn only(pem: &str) -> Result<Self, String> {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes());
        let certificate = certificate.map_err(|e| format!("the certificate of the edge: {e}"))?;
        let mut roots = RootCertStore::empty();
        roots
            .add(certificate)
            .map_err(|e| format!("the certificate of the edge: {}", chain(&e)))?;
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let versions = versions.map_err(|e| format!("TLS: {}", chain(&e)))?;
        let config = versions.with_root_certificates(roots).with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }
}

/// The place that a relay leads to, and what it says there.
#[derive(Debug, Clone)]
pub(super) struct Destination {
    /// Where the entry listens now.
    pub(super) at: SocketAddr,
    /// The client's address, where the entry hears it by the PROXY protocol.
    pub(super) address: Option<Ipv4Addr>,
    /// The certificate to trust, where the entry speaks TLS.
    pub(super) trust: Option<Trust>,
}

/// A running relay. It ends, with every connection, when it is dropped.
#[derive(Debug)]
pub(super) struct Relay {
    /// Where it listens.
    pub(super) at: SocketAddr,
    shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Shared {
    destination: Mutex<Destination>,
    trouble: Mutex<Option<String>>,
}

impl Relay {
    /// Begins to listen. Call it on a runtime.
    ///
    /// # Errors
    /// No port of loopback is free.
    pub(super) fn start(destination: Destination) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let at = listener.local_addr()?;
        let shared = Arc::new(Shared {
            destination: Mutex::new(destination),
            trouble: Mutex::new(None),
        });
        let task = AbortOnDropHandle::new(tokio::spawn(accept(listener, shared.clone())));
        Ok(Self {
            at,
            shared,
            _task: task,
        })
    }

    /// Changes where connections that come from now on lead to.
    pub(super) fn lead(&self, change: impl FnOnce(&mut Destination)) {
        change(&mut self.shared.destination.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Takes the last error between the relay and the entry: a client above only sees its connection close.
    pub(super) fn take_trouble(&self) -> Option<String> {
        self.shared
            .trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else {
            return;
        };
        let client = match listener.accept().await {
            Ok((client, _)) => client,
            Err(error) => {
                shared.note(format!("accepting a connection: {}", chain(&error)));
                return;
            }
        };
        while connections.try_join_next().is_some() {}
        let shared = shared.clone();
        connections.spawn(async move {
            let destination = shared
                .destination
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            if let Err(error) = pass(client, &destination).await {
                shared.note(format!("between the client and {}: {}", destination.at, chain(&error)));
            }
            drop(permit);
        });
    }
}

impl Shared {
    fn note(&self, trouble: String) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
    }
}

/// Passes the bytes of one connection until both sides have ended.
async fn pass(mut client: TcpStream, destination: &Destination) -> io::Result<()> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {CONNECT:?}"));
    let entry = tokio::time::timeout(CONNECT, connect(destination)).await;
    let mut entry = entry.map_err(|_| late())??;
    client.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut entry).await.map(drop)
}

/// A connection's way to the entry.
trait Way: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Way for T {}

async fn connect(destination: &Destination) -> io::Result<Box<dyn Way>> {
    let mut stream = TcpStream::connect(destination.at).await?;
    stream.set_nodelay(true)?;
    if let Some(address) = destination.address {
        let from = SocketAddr::new(IpAddr::V4(address), stream.local_addr()?.port());
        stream.write_all(proxy_line(from, destination.at).as_bytes()).await?;
    }
    let Some(Trust(config)) = &destination.trust else {
        return Ok(Box::new(stream));
    };
    let name = ServerName::try_from(HOST).map_err(io::Error::other)?;
    let stream = TlsConnector::from(config.clone()).connect(name, stream).await?;
    Ok(Box::new(stream))
}

/// The first line of a connection by version 1 of the PROXY protocol.
fn proxy_line(from: SocketAddr, to: SocketAddr) -> String {
    format!("PROXY TCP4 {} {} {} {}\r\n", from.ip(), to.ip(), from.port(), to.port())
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    fn relay_to(listener: &TcpListener, address: Option<Ipv4Addr>) -> Relay {
        let at = listener.local_addr().expect("its address");
        let destination = Destination {
            at,
            address,
            trust: None,
        };
        Relay::start(destination).expect("a port")
    }

    #[tokio::test]
    async fn a_connection_begins_with_the_address_and_passes_both_ways() {
        let entry = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let relay = relay_to(&entry, Some(Ipv4Addr::new(198, 51, 100, 7)));
        let mut client = TcpStream::connect(relay.at).await.expect("it listens");
        client.write_all(b"GET /").await.expect("it is there");
        let (mut peer, _) = entry.accept().await.expect("a connection");
        let port = entry.local_addr().expect("its address").port();
        let mut head = [0; 120];
        let mut read = 0;
        while !head[..read].ends_with(b"GET /") {
            read += peer.read(&mut head[read..]).await.expect("bytes");
        }
        let head = String::from_utf8_lossy(&head[..read]).into_owned();
        assert!(head.starts_with("PROXY TCP4 198.51.100.7 127.0.0.1 "), "{head}");
        assert!(head.ends_with(&format!(" {port}\r\nGET /")), "{head}");
        peer.write_all(b"yes").await.expect("it is there");
        drop(peer);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.expect("an answer");
        assert_eq!(answer, "yes");
    }

    #[tokio::test]
    async fn an_entry_that_is_away_closes_the_connection_and_is_named() {
        let entry = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let relay = relay_to(&entry, None);
        drop(entry);
        let mut client = TcpStream::connect(relay.at).await.expect("it listens");
        let mut answer = Vec::new();
        // A reset is as good an end as a close.
        drop(client.read_to_end(&mut answer).await);
        assert_eq!(answer, b"");
        let trouble = relay.take_trouble().expect("it is named");
        assert!(trouble.contains("refused"), "{trouble}");
        assert_eq!(relay.take_trouble(), None);
    }

    #[test]
    fn what_is_no_certificate_is_not_trusted() {
        assert!(Trust::only("no certificate").is_err());
    }
}
