//! The mock provider's admin interface: gates, calls, and the journal.
//!
//! The provider itself waits and answers when a condition holds, so nothing is polled. A turn's text orders its answer
//! (`plan::Answer`).

mod journal;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mock_ai::journal::{CallRecord, Cause, GateState};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde::de::DeserializeOwned;

use crate::history::TurnKey;
use crate::wait::Expired;

pub use journal::Journal;

/// Longest that an answer may take beyond the wait that was asked for.
const ANSWER: Duration = Duration::from_secs(3);

/// The provider did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The awaited condition did not hold in time.
    #[error(transparent)]
    Expired(#[from] Expired),
    /// It refused, or cannot be reached.
    #[error("provider: {what}: {got}")]
    Refused {
        /// The request.
        what: String,
        /// The unexpected answer.
        got: String,
    },
}

/// A client of one provider's admin interface.
#[derive(Clone)]
pub struct Provider {
    http: Client,
    /// Where its admin interface is for now; shared by all clones.
    admin: Arc<Mutex<SocketAddr>>,
}

impl Provider {
    /// A client of the admin interface at `admin`.
    ///
    /// # Errors
    /// The HTTP client cannot be set up on this machine.
    pub fn new(admin: SocketAddr) -> Result<Self, reqwest::Error> {
        let http = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .tcp_nodelay(true)
            .build()?;
        Ok(Self {
            http,
            admin: Arc::new(Mutex::new(admin)),
        })
    }

    /// Asks at `admin` from now on: a provider that was started again is elsewhere.
    pub fn moved(&self, admin: SocketAddr) {
        *self.admin.lock().unwrap_or_else(PoisonError::into_inner) = admin;
    }

    fn url(&self, path: &str) -> String {
        let admin = *self.admin.lock().unwrap_or_else(PoisonError::into_inner);
        format!("http://{admin}/__mock/{path}")
    }

    /// Forgets every call, gate and counter; streams that are held end.
    ///
    /// # Errors
    /// It refuses or cannot be reached.
    pub async fn reset(&self) -> Result<(), ProviderError> {
        self.post("reset").await
    }

    /// Opens a gate for every call, now and later.
    ///
    /// # Errors
    /// It refuses or cannot be reached.
    pub async fn open_gate(&self, gate: &str) -> Result<(), ProviderError> {
        self.post(&format!("gates/{gate}/open")).await
    }

    /// Opens a gate up to and with token `k`; then it holds again.
    ///
    /// # Errors
    /// It refuses or cannot be reached.
    pub async fn open_gate_through(&self, gate: &str, k: u32) -> Result<(), ProviderError> {
        self.post(&format!("gates/{gate}/open?through={k}")).await
    }

    /// Opens a gate for the `n`-th call of a key alone.
    ///
    /// # Errors
    /// There is no such call, it refuses or cannot be reached.
    pub async fn open_gate_of_call(&self, gate: &str, key: &TurnKey, n: u32) -> Result<(), ProviderError> {
        let calls = self.calls(key).await?;
        let Some(call) = calls.iter().find(|c| c.id.ordinal == n) else {
            let what = format!("open {gate} for call {n}");
            return Err(ProviderError::Refused {
                what,
                got: format!("{} calls for the key: {}", calls.len(), describe_calls(&calls)),
            });
        };
        self.post(&format!("gates/{gate}/open?call={}", call.id.call)).await
    }

    /// Waits until the `n`-th call for a key (from 1) was made.
    ///
    /// # Errors
    /// It was not made within `bound`, or the provider cannot be reached.
    pub async fn called(&self, key: &TurnKey, n: u32, bound: Duration) -> Result<(), ProviderError> {
        let what = format!("provider call {n} for {key}");
        let path = format!("calls?key={key}&ordinal={n}&wait={}", bound.as_millis());
        let waited: Waited<Vec<CallRecord>> = self.wait(&what, &path, bound).await?;
        match waited {
            Waited::Holds(_) => Ok(()),
            Waited::Expired(_) => {
                let calls = self.calls(key).await?;
                let last = format!("{} calls for the key: {}", calls.len(), describe_calls(&calls));
                Err(Expired { what, bound, last }.into())
            }
        }
    }

    /// Waits until the `n`-th call for a key is held at a gate.
    ///
    /// # Errors
    /// It is not held within `bound`, or the provider cannot be reached.
    pub async fn held(&self, gate: &str, key: &TurnKey, n: u32, bound: Duration) -> Result<(), ProviderError> {
        let what = format!("provider call {n} for {key} held at {gate}");
        let path = format!("gates/{gate}?key={key}&ordinal={n}&wait={}", bound.as_millis());
        let waited: Waited<GateState> = self.wait(&what, &path, bound).await?;
        match waited {
            Waited::Holds(_) => Ok(()),
            Waited::Expired(gate) => {
                let last = format!("open: {}, {} streams held", gate.open, gate.held.len());
                Err(Expired { what, bound, last }.into())
            }
        }
    }

    /// Every call for a key so far.
    ///
    /// # Errors
    /// It refuses or cannot be reached.
    pub async fn calls(&self, key: &TurnKey) -> Result<Vec<CallRecord>, ProviderError> {
        let what = format!("calls for {key}");
        let answer = self
            .send(&what, self.http.get(self.url(&format!("calls?key={key}"))), ANSWER)
            .await?;
        body(&what, answer).await
    }

    /// True if the caller of the `n`-th call for a key went away before it had the whole answer.
    ///
    /// # Errors
    /// It refuses or cannot be reached.
    pub async fn is_abandoned(&self, key: &TurnKey, n: u32) -> Result<bool, ProviderError> {
        let calls = self.calls(key).await?;
        Ok(calls
            .iter()
            .any(|c| c.id.ordinal == n && c.cause == Some(Cause::ClientGone)))
    }

    async fn post(&self, path: &str) -> Result<(), ProviderError> {
        let answer = self.send(path, self.http.post(self.url(path)), ANSWER).await?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(ProviderError::Refused {
            what: path.to_owned(),
            got: answer.status().to_string(),
        })
    }

    async fn wait<T: DeserializeOwned>(
        &self,
        what: &str,
        path: &str,
        bound: Duration,
    ) -> Result<Waited<T>, ProviderError> {
        let answer = self.send(what, self.http.get(self.url(path)), bound + ANSWER).await?;
        let expired = answer.status() == StatusCode::REQUEST_TIMEOUT;
        let value = body(what, answer).await?;
        Ok(if expired {
            Waited::Expired(value)
        } else {
            Waited::Holds(value)
        })
    }

    async fn send(
        &self,
        what: &str,
        request: reqwest::RequestBuilder,
        bound: Duration,
    ) -> Result<Response, ProviderError> {
        let refused = |got: String| ProviderError::Refused {
            what: what.to_owned(),
            got,
        };
        match tokio::time::timeout(bound, request.send()).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(e)) => Err(refused(e.to_string())),
            Err(_) => Err(refused(format!("no answer within {bound:?}"))),
        }
    }
}

enum Waited<T> {
    Holds(T),
    Expired(T),
}

async fn body<T: DeserializeOwned>(what: &str, answer: Response) -> Result<T, ProviderError> {
    let status = answer.status();
    if !status.is_success() && status != StatusCode::REQUEST_TIMEOUT {
        let text = answer.text().await.unwrap_or_default();
        return Err(ProviderError::Refused {
            what: what.to_owned(),
            got: format!("{status}: {text}"),
        });
    }
    answer.json().await.map_err(|e| ProviderError::Refused {
        what: what.to_owned(),
        got: e.to_string(),
    })
}

fn describe_calls(calls: &[CallRecord]) -> String {
    let one = |c: &CallRecord| {
        let end = c.cause.map_or("live".to_owned(), |cause| cause.to_string());
        format!(
            "call {} by {}: {} tokens, {end}",
            c.id.ordinal,
            c.id.pod.as_deref().unwrap_or("?"),
            c.tokens
        )
    };
    if calls.is_empty() {
        "none".to_owned()
    } else {
        calls.iter().map(one).collect::<Vec<_>>().join("; ")
    }
}
