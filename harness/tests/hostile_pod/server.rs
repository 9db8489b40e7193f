//! A pod that sends what no HTTP library would: raw bytes, in the pieces and for as long as a test says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// One thing that the pod does on a connection, once it has read the request.
#[derive(Clone)]
pub(crate) enum Step {
    /// Sends bytes in one write.
    Send(Vec<u8>),
    /// Sends bytes one by one, each in a segment of its own as far as the kernel lets it.
    Trickle(Vec<u8>),
    /// Sends a piece over and over, so many bytes in all.
    Flood(&'static [u8], usize),
    /// Sends a piece over and over until the client is gone.
    Endless(&'static [u8]),
    /// Sends nothing more until the client is gone.
    Hold,
}

/// Sends a text in one write.
pub(crate) fn send(text: impl AsRef<[u8]>) -> Step {
    Step::Send(text.as_ref().to_vec())
}

/// The head of an answer whose body is an event stream that ends with its connection.
pub(crate) fn stream() -> Step {
    send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
}

/// The hostile pod. It answers `POST /v1/sessions` as the contract says, and everything else by its steps: the first request by
/// the first steps, and so on; the last steps answer all further ones.
pub(crate) struct HostilePod {
    pub(crate) at: SocketAddr,
    asked: Arc<AtomicU32>,
}

impl HostilePod {
    pub(crate) async fn start(answers: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("its address");
        let asked = Arc::new(AtomicU32::new(0));
        let count = asked.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, answers.clone(), count.clone()));
            }
        });
        Self { at, asked }
    }

    /// How many requests it had but those for sessions.
    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn serve(mut client: TcpStream, answers: Vec<Vec<Step>>, asked: Arc<AtomicU32>) {
    client.set_nodelay(true).expect("a socket");
    let Some(request) = request(&mut client).await else {
        return;
    };
    if request.starts_with("POST /v1/sessions ") {
        let body = r#"{"token":"secret","tenant":"tenant-a"}"#;
        let head = "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\nconnection: close";
        let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        drop(client.write_all(answer.as_bytes()).await);
        return;
    }
    let place = asked.fetch_add(1, Ordering::SeqCst) as usize;
    let steps = answers.into_iter().take(place + 1).next_back();
    for step in steps.unwrap_or_default() {
        // A client that has seen enough closes the connection, and that ends the steps.
        if act(&mut client, step).await.is_err() {
            return;
        }
    }
}

async fn act(client: &mut TcpStream, step: Step) -> std::io::Result<()> {
    match step {
        Step::Send(bytes) => client.write_all(&bytes).await,
        Step::Trickle(bytes) => {
            for byte in bytes {
                client.write_all(&[byte]).await?;
                tokio::task::yield_now().await;
            }
            Ok(())
        }
        Step::Flood(piece, bytes) => {
            let block = piece.repeat((1 << 16) / piece.len());
            for _ in 0..bytes.div_ceil(block.len()) {
                client.write_all(&block).await?;
            }
            Ok(())
        }
        Step::Endless(piece) => {
            let block = piece.repeat((1 << 16) / piece.len());
            loop {
                client.write_all(&block).await?;
            }
        }
        Step::Hold => {
            while client.read(&mut [0; 64]).await? > 0 {}
            Ok(())
        }
    }
}

/// Head and body of a request, as far as its head says that there is one.
async fn request(client: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |n| n.parse().expect("a length")) {
                return Some(text);
            }
        }
        let mut some = [0; 4096];
        match client.read(&mut some).await {
            Ok(n) if n > 0 => read.extend_from_slice(&some[..n]),
            _ => return None,
        }
    }
}
