//! HTTP answers of a service that may send anything: bounded, and told apart from no answer at all.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::ErrorKind;
use std::time::Duration;

use crosspod_sse::Decoder;
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::time::error::Elapsed;

use super::request::{Captures, captured};
use crate::system::language::{PointerList, Values};
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
    headers: HeaderMap,
    body: Vec<u8>,
    is_cut: bool,
}

impl Answer {
    /// True if it refuses. An answer that is neither success nor refusal leaves open what was done.
    pub(super) fn is_refusal(&self) -> bool {
        self.status.is_client_error() || self.status.is_server_error()
    }

    /// A header's value, where it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Values that a description takes out of it: out of its JSON, or each out of the first event that has it.
    ///
    /// # Errors
    /// One is missing, or the body is neither.
    pub(super) fn captured(&self, wanted: &BTreeMap<String, PointerList>) -> Result<Values, String> {
        if wanted.is_empty() {
            return Ok(Values::default());
        }
        if !is_stream(&self.headers) {
            return captured(wanted, &self.json()?);
        }
        let mut events = Vec::new();
        // An event that is too large ends the reading; what came before it counts.
        let _too_large = Decoder::new(BODY_MAX).take(&self.body, &mut events);
        let mut captures = Captures::new(wanted);
        for event in events {
            if let Ok(value) = json::read(event.data.as_bytes()) {
                captures.take(&value);
            }
        }
        captures.done()
    }

    /// The beginning of the body, for people.
    pub(super) fn excerpt(&self) -> String {
        let text = excerpt_of(&self.body);
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

/// The beginning of a body, for people. Only that is looked at, however long the body is.
pub(super) fn excerpt_of(body: &[u8]) -> String {
    cut(&String::from_utf8_lossy(&body[..body.len().min(2 * KEPT)]), KEPT)
}

/// Reads an answer whose head has come, up to [`BODY_MAX`]. An answer that is a stream of events is read until all values that are
/// wanted of it were seen.
///
/// # Errors
/// The rest of it did not come in time.
pub(super) async fn whole(response: Response, wanted: &BTreeMap<String, PointerList>) -> Result<Answer, Trouble> {
    let read = tokio::time::timeout(ONE_REQUEST, read(response, wanted)).await;
    timely(read, "whole answer")
}

async fn read(mut response: Response, wanted: &BTreeMap<String, PointerList>) -> Result<Answer, reqwest::Error> {
    let (status, headers) = (response.status(), response.headers().clone());
    let (body, is_cut) = if is_stream(&headers) && !wanted.is_empty() {
        events_with(&mut response, wanted).await?
    } else {
        body_up_to(&mut response, BODY_MAX).await?
    };
    Ok(Answer {
        status,
        headers,
        body,
        is_cut,
    })
}

/// The body of a stream of events up to the event with the last value that is wanted, and whether it is larger than
/// [`BODY_MAX`].
async fn events_with(
    response: &mut Response,
    wanted: &BTreeMap<String, PointerList>,
) -> Result<(Vec<u8>, bool), reqwest::Error> {
    let (mut decoder, mut captures) = (Decoder::new(BODY_MAX), Captures::new(wanted));
    let (mut body, mut events) = (Vec::new(), Vec::new());
    while let Some(bytes) = response.chunk().await? {
        let left = BODY_MAX - body.len();
        body.extend_from_slice(&bytes[..bytes.len().min(left)]);
        let is_cut = bytes.len() > left || decoder.take(&bytes, &mut events).is_err();
        for event in events.drain(..) {
            if json::read(event.data.as_bytes()).is_ok_and(|value| captures.take(&value)) {
                return Ok((body, false));
            }
        }
        if is_cut {
            return Ok((body, true));
        }
    }
    Ok((body, false))
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

/// The cookies that an answer sets.
pub(super) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let cookies = headers.get_all("set-cookie").into_iter();
    cookies.filter_map(|cookie| cookie.to_str().ok())
}

/// True if an answer's body is a stream of events.
pub(super) fn is_stream(headers: &HeaderMap) -> bool {
    let kind = headers
        .get("content-type")
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("text/event-stream")
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
