//! A small edge in this process, for tests: it answers each request as the test says, and keeps what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// Makes the answer to a request, of which it is given the head.
pub(in crate::workload) type Answers = fn(&str) -> String;

/// A fake edge. It ends when it is dropped.
pub(in crate::workload) struct FakeEdge {
    pub(in crate::workload) at: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    _task: AbortOnDropHandle<()>,
}

impl FakeEdge {
    pub(in crate::workload) async fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("its address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heads = asked.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, answers, heads.clone()));
            }
        });
        Self {
            at,
            asked,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// The heads of the requests so far, in small letters.
    pub(in crate::workload) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }
}

/// Answers the requests of one connection, until the client ends it or an answer closes it.
async fn serve(mut client: TcpStream, answers: Answers, asked: Arc<Mutex<Vec<String>>>) {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length = length.map_or(0, |length| length.parse().expect("a length"));
            if body.len() >= length {
                asked.lock().expect("no panic").push(head.to_lowercase());
                let answer = answers(head);
                let closes = answer.contains("connection: close");
                if client.write_all(answer.as_bytes()).await.is_err() || closes {
                    return;
                }
                read.drain(..head.len() + 4 + length);
                continue;
            }
        }
        let mut some = [0; 4096];
        match client.read(&mut some).await {
            Ok(bytes) if bytes > 0 => read.extend_from_slice(&some[..bytes]),
            _ => return,
        }
    }
}

/// An answer with a body that is as long as its head says.
pub(in crate::workload) fn answer(status: &str, headers: &[&str], body: &str) -> String {
    let lines: String = headers.iter().flat_map(|line| [line, "\r\n"]).collect();
    format!(
        "HTTP/1.1 {status}\r\n{lines}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}
