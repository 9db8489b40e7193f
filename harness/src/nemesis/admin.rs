//! A pod's admin port: the way to its failpoints, its clock and its memory.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::cluster::PartHandle;
use crate::wire::{http, json};

/// Longest until an answer, beyond the wait that the request asks for.
pub(super) const ANSWER: Duration = Duration::from_secs(2);
/// Longest answer that is read, in bytes.
pub(super) const ANSWER_MAX: usize = 64 << 10;

/// A request to a pod's admin port failed.
#[derive(Debug, thiserror::Error)]
#[error("admin port: {what}: {got}")]
pub struct AdminError {
    pub(super) what: String,
    pub(super) got: String,
}

/// An answer of a pod's admin port.
pub(super) struct Answer {
    pub(super) what: String,
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

impl Answer {
    /// The body of a successful answer.
    pub(super) fn ok(self) -> Result<Value, AdminError> {
        let Self { what, status, body } = self;
        if status.is_success() {
            return Ok(body);
        }
        let got = format!("{status}: {body}");
        Err(AdminError { what, got })
    }
}

/// Sends a request to a pod's admin port; `bound` is for the whole exchange.
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
    let at = pod.admin_address();
    let at = at.ok_or_else(|| {
        failed("it is not published: the pod does not run, or its description has no pods.admin".into())
    })?;
    let (status, body) = exchange(at, method, path, order, bound).await.map_err(failed)?;
    Ok(Answer { what, status, body })
}

/// One request over a new connection: the port changes with each start of a pod.
async fn exchange(
    at: SocketAddr,
    method: Method,
    path: &str,
    order: Option<&Value>,
    bound: Duration,
) -> Result<(StatusCode, Value), String> {
    let said = |error: reqwest::Error| format!("{error:?}");
    let client = http::client().timeout(bound).build().map_err(said)?;
    let mut request = client.request(method, format!("http://{at}/{path}"));
    if let Some(order) = order {
        request = request.json(order);
    }
    let mut answer = request.send().await.map_err(said)?;
    let status = answer.status();
    let (body, is_cut) = http::body_up_to(&mut answer, ANSWER_MAX).await.map_err(said)?;
    if is_cut {
        return Err(format!("{status}: an answer of more than {ANSWER_MAX} bytes"));
    }
    let body = json::read(&body).map_err(|error| format!("{status}: an answer that is not JSON: {error}"))?;
    Ok((status, body))
}
