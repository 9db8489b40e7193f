//! One request through an entry of the edge.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hyper::Request;
use hyper::body::Body as _;
use hyper::client::conn::http1;
use hyper::header::{HOST as HOST_HEADER, HeaderMap, LOCATION};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::cluster::docker::edge::certificate::HOST;
use crate::cluster::docker::engine::root_cause;
use crate::cluster::edge_wanted::WantedEntry;

/// Longest for one request.
const ASKED: Duration = Duration::from_secs(2);
/// Longest quotation of an answer, in characters.
const QUOTE_CHARS: usize = 80;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The pod that answered, by its own word.
    pub(super) pod: Option<String>,
    /// Where it leads.
    pub(super) location: Option<String>,
    /// The beginning of its body.
    pub(super) said: String,
}

/// A request, the same for every entry.
#[derive(Clone, Copy)]
pub(super) struct Question<'q> {
    pub(super) path: &'q str,
    /// Header that names the pod.
    pub(super) answered_by: Option<&'q str>,
    pub(super) tls: Option<&'q TlsConnector>,
    /// The client's address, for an entry that lets a client say it.
    pub(super) from: Ipv4Addr,
}

impl Question<'_> {
    /// Asks over a connection of its own. The error is a phrase.
    pub(super) async fn ask(self, entry: &WantedEntry, at: SocketAddr) -> Result<Answer, String> {
        let asked = tokio::time::timeout(ASKED, self.connect_and_ask(entry, at)).await;
        asked.unwrap_or_else(|_| Err(format!("no answer in {ASKED:?}")))
    }

    async fn connect_and_ask(self, entry: &WantedEntry, at: SocketAddr) -> Result<Answer, String> {
        let mut socket = TcpStream::connect(at).await.map_err(|error| error.to_string())?;
        if entry.proxy_protocol {
            let line = format!(
                "PROXY TCP4 {} {} 40000 {}\r\n",
                self.from,
                Ipv4Addr::LOCALHOST,
                entry.port
            );
            socket
                .write_all(line.as_bytes())
                .await
                .map_err(|error| error.to_string())?;
        }
        if !entry.tls {
            return self.over(socket).await;
        }
        let tls = self
            .tls
            .ok_or("it speaks TLS, and edge.certificate does not say where its certificate is")?;
        let host = ServerName::try_from(HOST).map_err(|error| error.to_string())?;
        let socket = tls.connect(host, socket).await.map_err(|error| {
            format!(
                "{}: it does not show the certificate that crosspod made; does its configuration name the files of edge.certificate?",
                root_cause(&error)
            )
        })?;
        self.over(socket).await
    }

    async fn over(self, socket: impl AsyncRead + AsyncWrite + Unpin) -> Result<Answer, String> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(socket))
            .await
            .map_err(|error| root_cause(&error))?;
        let request = Request::get(self.path).header(HOST_HEADER, HOST).body(String::new());
        let request = request.map_err(|error| error.to_string())?;
        let asked = async {
            let answer = sender.send_request(request).await.map_err(|error| root_cause(&error))?;
            let text = |headers: &HeaderMap, name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
            let headers = answer.headers();
            Ok(Answer {
                status: answer.status().as_u16(),
                pod: self.answered_by.and_then(|name| text(headers, name)),
                location: text(headers, LOCATION.as_str()),
                said: beginning(answer.into_body()).await,
            })
        };
        // The connection is driven here and ends with the answer: no task outlives the question.
        tokio::select! {
            answer = asked => answer,
            ended = connection => Err(match ended {
                Ok(()) => "the connection was closed".to_owned(),
                Err(error) => root_cause(&error),
            }),
        }
    }
}

/// The beginning of a body, for a message.
async fn beginning(mut body: hyper::body::Incoming) -> String {
    let frame = std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context)).await;
    let data = frame.and_then(Result::ok).and_then(|frame| frame.into_data().ok());
    let text = String::from_utf8_lossy(&data.unwrap_or_default()).trim().to_owned();
    text.chars().take(QUOTE_CHARS).collect()
}
