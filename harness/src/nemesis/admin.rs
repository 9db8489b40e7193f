//! A pod's admin port, over which what breaks it from inside is ordered: its failpoints, its clock.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

use crate::cluster::PartHandle;

/// Port of a pod's container over which it is asked.
pub(super) const ADMIN_PORT: u16 = 8082;
/// Longest that an answer may take beyond the wait that was asked for.
pub(super) const ANSWER: Duration = Duration::from_secs(2);

/// A pod's admin port did not do as asked.
#[derive(Debug, thiserror::Error)]
#[error("admin port: {what}: {got}")]
pub struct AdminError {
    pub(super) what: String,
    pub(super) got: String,
}

/// What a pod's admin port said.
pub(super) struct Answer {
    pub(super) what: String,
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

impl Answer {
    /// The body, where it says that it did as asked.
    pub(super) fn ok(self) -> Result<Value, AdminError> {
        let Self { what, status, body } = self;
        if status.is_success() {
            return Ok(body);
        }
        let got = format!("{status}: {body}");
        Err(AdminError { what, got })
    }
}

/// Asks a pod's admin port; `bound` is for the whole exchange.
pub(super) async fn ask(
    pod: &PartHandle,
    method: Method,
    path: &str,
    order: Option<&Value>,
    bound: Duration,
) -> Result<Answer, AdminError> {
    let what = format!("{method} {path}");
    let failed = |got: String| AdminError {
        what: what.clone(),
        got,
    };
    let at = pod.published(ADMIN_PORT);
    let at = at.ok_or_else(|| failed(format!("no port {ADMIN_PORT} is published: the pod is not running")))?;
    let (status, body) = exchange(at, method, path, order, bound)
        .await
        .map_err(|error| failed(format!("{error:?}")))?;
    Ok(Answer { what, status, body })
}

/// One request over a connection of its own: a pod that is started again is elsewhere.
async fn exchange(
    at: SocketAddr,
    method: Method,
    path: &str,
    order: Option<&Value>,
    bound: Duration,
) -> Result<(StatusCode, Value), reqwest::Error> {
    let http = Client::builder().no_proxy().tcp_nodelay(true).timeout(bound).build()?;
    let mut request = http.request(method, format!("http://{at}/{path}"));
    if let Some(order) = order {
        request = request.json(order);
    }
    let answer = request.send().await?;
    Ok((answer.status(), answer.json().await?))
}
