//! The sockets: listening, accepting, and one HTTP/1.1 connection each, with what HTTP hides from a handler.
//!
//! A handler gets a [`Link`] to its connection with each request. Through it, it learns that everything handed over so
//! far has been written (so that a break comes after exactly the bytes before it), and asks for the connection to be
//! reset instead of closed.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{Router, body::Body, response::Response};
use hyper::{Request, body::Incoming, server::conn::http1, service::Service};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Notify,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// Connections that may wait to be accepted; the system's own limit applies on top.
const BACKLOG: u32 = 4096;
/// Time to let descriptors come free when accepting fails.
const ACCEPT_AGAIN: Duration = Duration::from_millis(20);

/// A handler's view of the connection that its request came by.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) peer: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    flushes: AtomicU64,
    flushed: Notify,
    reset: AtomicBool,
}

impl Link {
    /// Returns once everything handed to the connection before has been written to the socket. Called from within a
    /// response's body, as the connection flushes when its body has nothing more to say.
    pub(super) async fn flushed(&self) {
        let before = self.shared.flushes.load(Ordering::Acquire);
        loop {
            let flushed = self.shared.flushed.notified();
            if self.shared.flushes.load(Ordering::Acquire) > before {
                return;
            }
            flushed.await;
        }
    }

    /// From now on closing the connection resets it.
    pub(super) fn reset_on_close(&self) {
        self.shared.reset.store(true, Ordering::Release);
    }
}

/// A socket that tells its link when it has been flushed, and closes the way its link asks for.
struct Wire {
    stream: TcpStream,
    shared: Arc<Shared>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.shared.reset.load(Ordering::Acquire)
            && let Err(error) = self.stream.set_zero_linger()
        {
            tracing::warn!(%error, "cannot reset the connection, it is closed instead");
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Reached only when nothing is left in the buffers above.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.shared.flushes.fetch_add(1, Ordering::Release);
        self.shared.flushed.notify_waiters();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The router, with the link added to each request of the connection.
struct Linked {
    link: Link,
    inner: TowerToHyperService<Router>,
}

impl Service<Request<Incoming>> for Linked {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.link.clone());
        self.inner.call(request)
    }
}

/// Opens a listening socket.
pub(super) fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// Accepts and serves connections until told to stop, then drops them all.
pub(super) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(converse(stream, peer, router.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection, trying again");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            },
        }
    }
    connections.shutdown().await;
}

async fn converse(stream: TcpStream, peer: SocketAddr, router: Router) {
    // Without it the kernel holds back small chunks until the client has acknowledged the ones before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "the connection closed before it was served");
        return;
    }
    let shared = Arc::new(Shared::default());
    let link = Link {
        peer,
        shared: Arc::clone(&shared),
    };
    let service = Linked {
        link,
        inner: TowerToHyperService::new(router),
    };
    let connection = http1::Builder::new().serve_connection(TokioIo::new(Wire { stream, shared }), service);
    if let Err(error) = connection.await {
        tracing::debug!(%peer, %error, "connection ended early");
    }
}
