//! The question to a part that tells whether it serves, by its role.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_postgres::error::SqlState;

use crate::cluster::docker::engine::root_cause;
use crate::cluster::part::role::{Part, Role};
use crate::roles::postgres::connect::OURS;
use crate::wire::http;

/// Path of an edge's own interface that answers as soon as the edge runs.
const EDGE_VERSION: &str = "/api/version";
/// Longest for one question.
const ATTEMPT_BOUND: Duration = Duration::from_secs(2);
/// Time for which a connection must stay open. The engine accepts connections for a server that does not listen, and closes them.
const STAYS_OPEN: Duration = Duration::from_millis(200);
/// Longest quotation of an answer, in characters.
const QUOTE_CHARS: usize = 200;
/// Number of bytes that are read for a quotation.
const QUOTE_BYTES: usize = 4 * QUOTE_CHARS;

/// The question to a part, on one of its ports, with the answer that means that it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    /// `GET` of the path must answer 2xx.
    Http(u16, String),
    /// `select 1` over a fresh connection by this URL; without one any answer of a server that has started.
    Postgres(u16, Option<String>),
    /// An `INFO` must come.
    Nats(u16),
    /// `PING` must be answered.
    Redis(u16),
    /// A connection must stay open.
    Open(u16),
}

impl Question {
    /// Returns `None` if nothing is to be asked: the part has no port.
    pub(super) fn of(part: &Part) -> Option<Self> {
        let at = part.port()?;
        Some(match (part.role, &part.alive) {
            (Role::Postgres, _) => Self::Postgres(at, part.url.clone()),
            (Role::Nats, _) => Self::Nats(at),
            (Role::Redis, _) => Self::Redis(at),
            (Role::Edge, None) if part.admin.is_some() => Self::Http(part.admin?, EDGE_VERSION.to_owned()),
            (_, Some(path)) => Self::Http(at, path.clone()),
            (_, None) => Self::Open(at),
        })
    }

    pub(super) fn port(&self) -> u16 {
        match self {
            Self::Http(port, _) | Self::Postgres(port, _) | Self::Nats(port) | Self::Redis(port) | Self::Open(port) => {
                *port
            }
        }
    }

    pub(super) fn awaited(&self) -> String {
        match self {
            Self::Http(port, path) => format!("2xx from {path} on port {port}"),
            Self::Postgres(port, _) => format!("an answer to `select 1` on port {port}"),
            Self::Nats(port) => format!("an INFO on port {port}"),
            Self::Redis(port) => format!("an answer to PING on port {port}"),
            Self::Open(port) => format!("a connection that stays open on port {port}"),
        }
    }

    /// Asks once. The error is the answer that was seen instead.
    pub(super) async fn ask(&self, http: &reqwest::Client, address: SocketAddr) -> Result<(), String> {
        let answer = async {
            match self {
                Self::Http(_, path) => ask_http(http, &format!("http://{address}{path}")).await,
                Self::Postgres(_, url) => ask_postgres(url.as_deref(), address).await,
                Self::Nats(_) => heard(address, "", |said| said.starts_with("INFO ")).await,
                Self::Redis(_) => heard(address, "PING\r\n", is_pong).await,
                Self::Open(_) => stays_open(address).await,
            }
        };
        let answer = tokio::time::timeout(ATTEMPT_BOUND, answer).await;
        answer.unwrap_or_else(|_| Err(format!("no answer in {ATTEMPT_BOUND:?}")))
    }
}

async fn ask_http(http: &reqwest::Client, url: &str) -> Result<(), String> {
    let mut response = http.get(url).send().await.map_err(|error| root_cause(&error))?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let body = http::body_up_to(&mut response, QUOTE_BYTES).await.unwrap_or_default().0;
    Err(format!("{status}: {}", quote(&body)))
}

fn quote(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .trim()
        .chars()
        .take(QUOTE_CHARS)
        .collect()
}

async fn ask_postgres(url: Option<&str>, address: SocketAddr) -> Result<(), String> {
    let said = |error: tokio_postgres::Error| root_cause(&error);
    let mut config = tokio_postgres::Config::new();
    if let Some(url) = url {
        config = url.replace("{at}", &address.to_string()).parse().map_err(said)?;
    } else {
        config.host(address.ip().to_string()).port(address.port()).user(OURS)
            // Without any, the client itself would give up where the server asks for one.
            .password(OURS);
    }
    let connected = config.application_name(OURS).connect(tokio_postgres::NoTls).await;
    let (client, connection) = match connected {
        Ok(connected) => connected,
        // A server that refuses a stranger has started.
        Err(error) if url.is_none() && error.code().is_some_and(|code| *code != SqlState::CANNOT_CONNECT_NOW) => {
            return Ok(());
        }
        Err(error) => return Err(said(error)),
    };
    let asked = async {
        let answer = client.simple_query("select 1").await.map(drop).map_err(said);
        drop(client);
        answer
    };
    // The connection is driven here and ends with the client: no task outlives the question.
    let (answer, _closed) = tokio::join!(asked, connection);
    answer
}

/// True for the answer of a server that serves, also one that wants a password first; not for one that loads its data.
fn is_pong(said: &str) -> bool {
    ["+PONG", "-NOAUTH", "-WRONGPASS"]
        .iter()
        .any(|word| said.starts_with(word))
}

/// Sends a text and reads what comes first.
async fn heard(address: SocketAddr, asked: &str, is_it: impl Fn(&str) -> bool) -> Result<(), String> {
    let mut socket = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    socket
        .write_all(asked.as_bytes())
        .await
        .map_err(|error| error.to_string())?;
    let mut first = [0; QUOTE_BYTES];
    let read = socket.read(&mut first).await.map_err(|error| error.to_string())?;
    let said = quote(&first[..read]);
    if is_it(&said) {
        return Ok(());
    }
    Err(if said.is_empty() {
        "the connection was closed".to_owned()
    } else {
        said
    })
}

async fn stays_open(address: SocketAddr) -> Result<(), String> {
    let mut socket = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let mut first = [0; 1];
    match tokio::time::timeout(STAYS_OPEN, socket.read(&mut first)).await {
        Err(_) | Ok(Ok(1)) => Ok(()),
        Ok(Ok(_)) => Err("the connection was closed".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// The answer to `question` of a server that sends `says`, then closes or waits.
    async fn answer(question: Question, says: &'static str, keeps_open: bool) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let serving = async {
            let (mut socket, _) = listener.accept().await.expect("a client");
            socket.write_all(says.as_bytes()).await.expect("sent");
            if keeps_open {
                let _gone = socket.read(&mut [0; 64]).await;
                let _gone = socket.read(&mut [0; 64]).await;
            }
        };
        let http = reqwest::Client::new();
        tokio::join!(question.ask(&http, address), serving).0
    }

    #[tokio::test]
    async fn each_server_is_known_by_its_own_answer() {
        assert_eq!(answer(Question::Nats(1), "INFO {}\r\n", true).await, Ok(()));
        assert_eq!(
            answer(Question::Nats(1), "HTTP/1.1 200 OK\r\n", true).await,
            Err("HTTP/1.1 200 OK".into())
        );
        assert_eq!(answer(Question::Redis(1), "+PONG\r\n", true).await, Ok(()));
        assert_eq!(
            answer(Question::Redis(1), "-NOAUTH Authentication required.\r\n", true).await,
            Ok(())
        );
        let loading = answer(Question::Redis(1), "-LOADING Redis is loading\r\n", true).await;
        assert_eq!(loading, Err("-LOADING Redis is loading".into()));
    }

    #[tokio::test]
    async fn a_server_of_which_nothing_is_known_keeps_a_connection_open() {
        assert_eq!(answer(Question::Open(1), "", true).await, Ok(()));
        assert_eq!(
            answer(Question::Open(1), "", false).await,
            Err("the connection was closed".into())
        );
    }

    #[test]
    fn the_question_follows_from_role_and_description() {
        let asked = |part: Part| Question::of(&part);
        assert_eq!(
            asked(Part::new("db", Role::Postgres)),
            Some(Question::Postgres(5432, None))
        );
        assert_eq!(asked(Part::new("cache", Role::Redis)), Some(Question::Redis(6379)));
        let chat = Part {
            ports: vec![2026],
            alive: Some("/live".into()),
            ..Part::new("chat-1", Role::Pod)
        };
        assert_eq!(asked(chat), Some(Question::Http(2026, "/live".into())));
        let objects = Part {
            ports: vec![9000, 9001],
            ..Part::new("objects", Role::Other)
        };
        assert_eq!(asked(objects), Some(Question::Open(9000)));
        assert_eq!(asked(Part::new("job", Role::Job)), None);
        let edge = Part {
            ports: vec![443],
            admin: Some(8090),
            ..Part::new("edge", Role::Edge)
        };
        assert_eq!(asked(edge), Some(Question::Http(8090, "/api/version".into())));
    }
}
