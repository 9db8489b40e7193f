//! Manners of reading: slow watchers, and watchers that drop the connection after some bytes.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Sleep;

use super::answer::chain;
use super::request::Prepared;

/// Room for what a slow reader has not read: in the kernel, which takes it for a wish, and in the HTTP client, which takes no
/// less.
const KERNEL_BYTES: u32 = 2048;
const CLIENT_BYTES: usize = 8192;

/// Asks for a tail over a connection that is read `bytes` at a time, with a pause after each read.
///
/// # Errors
/// The reason why there was no answer, in words.
pub(super) async fn attach_slowly(
    at: SocketAddr,
    prepared: Prepared,
    (bytes, pause): (usize, Duration),
) -> Result<reqwest::Response, String> {
    let socket = TcpSocket::new_v4().map_err(|e| chain(&e))?;
    socket.set_recv_buffer_size(KERNEL_BYTES).map_err(|e| chain(&e))?;
    let stream = socket.connect(at).await.map_err(|e| chain(&e))?;
    let slow = Slow {
        stream,
        bytes,
        pause,
        resting: Box::pin(tokio::time::sleep(Duration::ZERO)),
    };
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(CLIENT_BYTES)
        .handshake(TokioIo::new(slow))
        .await
        .map_err(|e| chain(&e))?;
    // Ends with the answer's body, which whoever reads it drops.
    tokio::spawn(connection);
    let mut request = Request::builder().method(prepared.method).uri(prepared.path);
    request = request.header("host", at.to_string());
    for (name, value) in prepared.headers {
        request = request.header(name, value);
    }
    let body = prepared.body.map_or_else(reqwest::Body::default, Into::into);
    let request = request.body(body).map_err(|e| chain(&e))?;
    let answer = sender.send_request(request).await.map_err(|e| chain(&e))?;
    Ok(answer.map(reqwest::Body::wrap).into())
}

/// A connection that is read a few bytes at a time.
struct Slow {
    stream: TcpStream,
    bytes: usize,
    pause: Duration,
    resting: Pin<Box<Sleep>>,
}

impl AsyncRead for Slow {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.resting.as_mut().poll(cx));
        let mut few = [0; u8::MAX as usize];
        let most = self.bytes.min(few.len()).min(out.remaining());
        let mut room = ReadBuf::new(&mut few[..most]);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut room))?;
        out.put_slice(room.filled());
        let next = tokio::time::Instant::now() + self.pause;
        self.resting.as_mut().reset(next);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Slow {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The stream's first `after` bytes, or all of it without; `vanished` says afterwards whether it was cut there.
pub(super) fn until_gone<S>(
    stream: S,
    after: Option<usize>,
    vanished: &AtomicBool,
) -> impl Stream<Item = reqwest::Result<Bytes>>
where
    S: Stream<Item = reqwest::Result<Bytes>>,
{
    futures_util::stream::unfold((Box::pin(stream), after), move |(mut stream, left)| async move {
        if left == Some(0) {
            vanished.store(true, Ordering::Relaxed);
            return None;
        }
        let mut next = stream.next().await?;
        let left = match (&mut next, left) {
            (Ok(bytes), Some(left)) => {
                bytes.truncate(left);
                Some(left - bytes.len())
            }
            (_, left) => left,
        };
        Some((next, (stream, left)))
    })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_stream_is_cut_after_its_bytes_and_says_so() {
        let chunks = || futures_util::stream::iter(["data: a", "\n\ndata: b\n\n"].map(|text| Ok(Bytes::from(text))));
        let vanished = AtomicBool::new(false);
        let read: Vec<Bytes> = until_gone(chunks(), Some(9), &vanished)
            .map(Result::unwrap_or_default)
            .collect()
            .await;
        assert_eq!(read.concat(), b"data: a\n\n");
        assert!(vanished.load(Ordering::Relaxed));
        let whole = AtomicBool::new(false);
        assert_eq!(until_gone(chunks(), None, &whole).count().await, 2);
        assert!(!whole.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn a_slow_reader_gets_a_few_bytes_a_read_and_all_in_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("its address");
        tokio::spawn(async move {
            let (mut peer, _) = listener.accept().await.expect("a client");
            peer.write_all(&[7; 100]).await.expect("it is there");
        });
        let mut slow = Slow {
            stream: TcpStream::connect(at).await.expect("it listens"),
            bytes: 8,
            pause: Duration::from_millis(1),
            resting: Box::pin(tokio::time::sleep(Duration::ZERO)),
        };
        let (mut buffer, mut reads, mut all) = ([0; 64], 0, 0);
        loop {
            let read = slow.read(&mut buffer).await.expect("a connection");
            assert!(read <= 8);
            if read == 0 {
                break;
            }
            (reads, all) = (reads + 1, all + read);
        }
        assert!(reads >= 13 && all == 100, "{reads} reads, {all} bytes");
    }
}
