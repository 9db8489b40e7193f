//! HTTP answers of a service that may send anything: bounded, and told apart from no answer at all.

use std::error::Error;
use std::io::ErrorKind;
use std::time::Duration;

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::time::error::Elapsed;

use crate::history::PodName;
use crate::system::frames;
use crate::wire::http::body_up_to;
use crate::wire::json;
use crate::wire::text::cut;

/// Longest that a request may go without its whole answer.
pub(super) const ONE_REQUEST: Duration = Duration::from_secs(5);
/// Largest body of an answer that is read, in bytes: a thread with several answers of 1 MB.
pub(super) const BODY_MAX: usize = 8 << 20;
/// Longest piece of an answer's body that is kept, in bytes.
pub(super) const KEPT: usize = 600;
/// Longest that the first bytes of a refusal are waited for: its head has come, and it may be a stream without an end.
const MOMENT: Duration = Duration::from_millis(100);
/// Header by which a pod names itself.
const POD_HEADER: &str = "x-pod";

/// Why there is no answer, or not the whole of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    /// The error with its causes.
    pub(super) reason: String,
    /// True if bytes came that are not HTTP.
    pub(super) garbled: bool,
}

impl From<&reqwest::Error> for Trouble {
    fn from(error: &reqwest::Error) -> Self {
        let (garbled, reason) = (is_garbled(error), cut(&chain(error), KEPT));
        Self {
            reason: if garbled { format!("not HTTP: {reason}") } else { reason },
            garbled,
        }
    }
}

/// An answer, with as much of its body as is read.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Pod that answered, by its own word.
    pub(super) pod: Option<PodName>,
    body: Vec<u8>,
    is_cut: bool,
}

impl Answer {
    /// True if it refuses. An answer that is neither success nor refusal leaves open what was done.
    pub(super) fn is_refusal(&self) -> bool {
        self.status.is_client_error() || self.status.is_server_error()
    }

    /// The beginning of the body, for people.
    pub(super) fn excerpt(&self) -> String {
        // Only the beginning is read, however long the body is.
        let start = &self.body[..self.body.len().min(2 * KEPT)];
        let text = cut(&String::from_utf8_lossy(start), KEPT);
        if self.is_cut {
            format!("{text} (a body of over {BODY_MAX} bytes)")
        } else {
            text
        }
    }

    /// The whole body as text; empty where it is none or too large.
    pub(super) fn text(&self) -> &str {
        if self.is_cut {
            return "";
        }
        std::str::from_utf8(&self.body).unwrap_or_default()
    }

    /// The whole body as JSON.
    ///
    /// # Errors
    /// It is too large, or no JSON, or holds too many values.
    pub(super) fn json(&self) -> Result<Value, String> {
        if self.is_cut {
            return Err(format!("a body of over {BODY_MAX} bytes"));
        }
        json::read(&self.body).map_err(|e| format!("a body that is not JSON: {e}: {}", self.excerpt()))
    }
}

/// Sends a request and reads its answer, up to [`BODY_MAX`].
///
/// # Errors
/// No whole answer came in time.
pub(super) async fn answer(request: RequestBuilder) -> Result<Answer, Trouble> {
    let whole = async {
        let mut response = request.send().await?;
        let status = response.status();
        let pod = header(&response, POD_HEADER).filter(|name| name.len() <= frames::ID_MAX);
        let pod = pod.map(PodName::from);
        let (body, is_cut) = body_up_to(&mut response, BODY_MAX).await?;
        Ok(Answer {
            status,
            pod,
            body,
            is_cut,
        })
    };
    timely(tokio::time::timeout(ONE_REQUEST, whole).await, "whole answer")
}

/// Sends a request; its answer's body is yet to come.
///
/// # Errors
/// No head of an answer came in time.
pub(super) async fn head(request: RequestBuilder) -> Result<Response, Trouble> {
    timely(
        tokio::time::timeout(ONE_REQUEST, request.send()).await,
        "response headers",
    )
}

/// The first bytes of an answer's body, as far as they come in a moment.
pub(super) async fn first_bytes(response: &mut Response) -> String {
    let mut seen = Vec::new();
    let moment = tokio::time::Instant::now() + MOMENT;
    while seen.len() < KEPT {
        match tokio::time::timeout_at(moment, response.chunk()).await {
            Ok(Ok(Some(chunk))) => seen.extend_from_slice(&chunk[..chunk.len().min(2 * KEPT)]),
            _ => break,
        }
    }
    cut(&String::from_utf8_lossy(&seen), KEPT)
}

/// A header's value, where it is text.
pub(super) fn header<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

fn timely<T>(got: Result<Result<T, reqwest::Error>, Elapsed>, what: &str) -> Result<T, Trouble> {
    match got {
        Ok(got) => got.map_err(|e| Trouble::from(&e)),
        Err(_) => Err(Trouble {
            reason: format!("no {what} within {ONE_REQUEST:?}"),
            garbled: false,
        }),
    }
}

/// True if an error is for bytes that are not HTTP. A pod that dies leaves an answer cut, never garbled.
fn is_garbled(error: &(dyn Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |e| (*e).source());
    causes.any(|cause| {
        let of_head = cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse);
        // How a body that is not framed as its head says is told.
        let of_body = cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|e| matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::InvalidData));
        of_head || of_body
    })
}

/// An error with its causes: the outermost alone ("error sending request") says nothing.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        text.push_str(": ");
        text.push_str(&e.to_string());
        cause = e.source();
    }
    text
}
