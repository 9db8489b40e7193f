//! An engine for tests: a socket at which each request is answered by the test.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::task::AbortOnDropHandle;

use super::Engine;
use crate::cluster::docker::engine::guard::AllowedHosts;

/// Gives the body of the answer to a request for a path.
type Answer = Box<dyn FnMut(&str) -> Vec<u8> + Send>;

/// An engine of a test's own. It goes when it is dropped.
pub(in crate::cluster) struct FakeEngine {
    folder: tempfile::TempDir,
    _served: AbortOnDropHandle<()>,
}

impl FakeEngine {
    /// An engine that answers what is not asked at a connection's beginning by these words.
    pub(in crate::cluster) fn answering(answer: impl FnMut(&str) -> Vec<u8> + Send + 'static) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("engine.sock")).expect("a socket");
        let answer = Arc::new(Mutex::new(Box::new(answer) as Answer));
        let served = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer.clone()));
            }
        });
        Self {
            folder,
            _served: AbortOnDropHandle::new(served),
        }
    }

    /// A connection to it.
    pub(in crate::cluster) async fn connect(&self) -> Engine {
        let url = format!("unix://{}/engine.sock", self.folder.path().display());
        let allowed = Arc::new(AllowedHosts::this_machine());
        Engine::connect_to(&url, &allowed).await.expect("it answers")
    }
}

/// Answers one request and hangs up.
async fn serve(mut stream: UnixStream, answer: Arc<Mutex<Answer>>) {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let request = String::from_utf8_lossy(&request);
    let path = request.split_whitespace().nth(1).unwrap_or_default();
    let body = match path.rsplit('/').next() {
        Some("version") => r#"{"Version":"0","ApiVersion":"1.41","Arch":"amd64"}"#.into(),
        Some("info") => "{}".into(),
        _ => (answer.lock().expect("no test has failed in it"))(path),
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    // A client that has gone away wants no answer.
    let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
}
