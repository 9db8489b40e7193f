//! Readiness of a part, by its own answer on the port that stories use.
//!
//! The engine's health checks are not used: they come seconds apart, and not every image can have one.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::PartHandle;
use crate::cluster::docker::engine::root_cause;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::service::Service;
use crate::roles::postgres::connect::OURS;
use crate::wire::http;

/// Longest for one question.
const ATTEMPT_BOUND: Duration = Duration::from_secs(2);
/// Pause between two questions.
const INTERVAL: Duration = Duration::from_millis(25);
/// Longest quotation of an answer, in characters.
const QUOTE_CHARS: usize = 200;
/// Number of bytes that are read for a quotation.
const QUOTE_BYTES: usize = 4 * QUOTE_CHARS;

/// The question to a part, with the answer that means ready.
#[derive(Debug, Clone, Copy)]
enum Question {
    /// `GET` of the path on the container port must answer 200.
    Http(u16, &'static str),
    /// `select 1` over a fresh connection to the container port.
    Sql(u16),
}

impl Question {
    fn of(service: &Service) -> Self {
        match service {
            Service::Postgres => Self::Sql(5432),
            Service::Nats => Self::Http(8222, "/healthz"),
            Service::MockAi => Self::Http(8080, "/health"),
            Service::Links => Self::Http(8474, "/version"),
            Service::Pod(_) => Self::Http(8080, "/ready"),
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Http(port, _) | Self::Sql(port) => port,
        }
    }

    fn awaited(self) -> String {
        match self {
            Self::Http(port, path) => format!("200 from {path} on port {port}"),
            Self::Sql(port) => format!("an answer to `select 1` on port {port}"),
        }
    }

    /// Asks once. The error is the answer that was seen instead.
    async fn ask(self, http: &reqwest::Client, address: SocketAddr) -> Result<(), String> {
        let answer = async {
            match self {
                Self::Http(_, path) => ask_http(http, &format!("http://{address}{path}")).await,
                Self::Sql(_) => ask_sql(address).await,
            }
        };
        let answer = tokio::time::timeout(ATTEMPT_BOUND, answer).await;
        answer.unwrap_or_else(|_| Err(format!("no answer in {ATTEMPT_BOUND:?}")))
    }
}

/// Waits until the part is ready. Returns an error at once if its process ends instead.
pub(in crate::cluster) async fn await_ready(
    part: &PartHandle,
    while_what: &str,
    bound: Duration,
) -> Result<Duration, ClusterError> {
    let began = Instant::now();
    let question = Question::of(part.service());
    let mut last = "nothing was asked yet".to_owned();
    let outcome = tokio::time::timeout(bound, async {
        tokio::select! {
            () = answered(part, question, &mut last) => Ok(()),
            code = ended(part) => Err(code),
        }
    })
    .await;
    match outcome {
        Ok(Ok(())) => Ok(began.elapsed()),
        Ok(Err(code)) => Err(died(part, while_what, code?, began).await),
        Err(_) => Err(part.late(&question.awaited(), bound, &last).await),
    }
}

/// Waits, without a bound, until the part's process ends, and returns the error for that.
pub(in crate::cluster) async fn await_death(part: &PartHandle, while_what: &str) -> ClusterError {
    let began = Instant::now();
    match ended(part).await {
        Ok(code) => died(part, while_what, code, began).await,
        Err(error) => error,
    }
}

/// Waits, without a bound, until the part's process has ended. Returns its exit code.
async fn ended(part: &PartHandle) -> Result<i64, ClusterError> {
    let life = part.alive();
    if let Some(pidfd) = life.as_ref().and_then(|life| life.pidfd.as_ref()) {
        // The kernel first: the engine would keep a request open all the time.
        if let Err(error) = pidfd.dead().await {
            tracing::debug!(part = %part.service(), %error, "the engine is asked for the end instead");
        }
    }
    let start = life.as_ref().map(|life| life.started_at.as_str());
    part.engine().exited(&part.container(), start).await
}

async fn died(part: &PartHandle, while_what: &str, exit_code: i64, began: Instant) -> ClusterError {
    ClusterError::Died {
        service: part.service().clone(),
        while_what: while_what.to_owned(),
        exit_code,
        after: began.elapsed(),
        trace: part.trace().await,
    }
}

/// Asks until the part is ready, and keeps the last other answer.
async fn answered(part: &PartHandle, question: Question, last: &mut String) {
    let http = match http::client().build() {
        Ok(http) => http,
        Err(error) => {
            *last = format!("no HTTP client: {error}");
            return std::future::pending().await;
        }
    };
    loop {
        match part.published(question.port()) {
            None => *last = format!("port {} is not published", question.port()),
            Some(address) => match question.ask(&http, address).await {
                Ok(()) => return,
                Err(seen) => *last = seen,
            },
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn ask_http(http: &reqwest::Client, url: &str) -> Result<(), String> {
    let mut response = http.get(url).send().await.map_err(|error| root_cause(&error))?;
    let status = response.status();
    if status == reqwest::StatusCode::OK {
        return Ok(());
    }
    let body = http::body_up_to(&mut response, QUOTE_BYTES).await.unwrap_or_default().0;
    let quote: String = String::from_utf8_lossy(&body)
        .trim()
        .chars()
        .take(QUOTE_CHARS)
        .collect();
    Err(format!("{status}: {quote}"))
}

async fn ask_sql(address: SocketAddr) -> Result<(), String> {
    let said = |error: tokio_postgres::Error| root_cause(&error);
    let (client, connection) = tokio_postgres::Config::new()
        .host(address.ip().to_string())
        .port(address.port())
        .user("crosspod")
        .password("crosspod")
        .dbname("crosspod")
        .application_name(OURS)
        .connect(tokio_postgres::NoTls)
        .await
        .map_err(said)?;
    let asked = async {
        let answer = client.simple_query("select 1").await.map(drop).map_err(said);
        drop(client);
        answer
    };
    // The connection is driven here and ends with the client: no task outlives the question.
    let (answer, _closed) = tokio::join!(asked, connection);
    answer
}
