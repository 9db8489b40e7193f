//! Error responses: the status and the envelope that clients of the OpenAI interface parse.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, Method, StatusCode, Uri, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{journal::CallId, script::Failure};

/// Why a request gets no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    message: String,
    kind: &'static str,
    param: Option<String>,
    code: Option<String>,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let (kind, code) = match status.as_u16() {
            401 => ("invalid_request_error", Some("invalid_api_key")),
            403 => ("invalid_request_error", Some("permission_denied")),
            429 => ("requests", Some("rate_limit_exceeded")),
            500.. => ("server_error", None),
            _ => ("invalid_request_error", None),
        };
        let code = code.map(ToOwned::to_owned);
        Self {
            status,
            message: message.into(),
            kind,
            param: None,
            code,
            retry_after: None,
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    pub(crate) fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// There is no such call that could still be steered.
    pub(crate) fn no_live_call(call: CallId) -> Self {
        let message = format!("no live call {call}; it has ended, was reset, or never began");
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// The refusal that a script asked for.
    pub(crate) fn scripted(failure: &Failure) -> Self {
        let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut refusal = Self::new(
            status,
            format!("status {} asked for by the request's script", failure.status),
        );
        refusal.retry_after = failure.retry_after;
        refusal.code = failure.code.clone().or(refusal.code);
        refusal
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self {
            status,
            message,
            kind,
            param,
            code,
            retry_after,
        } = self;
        let error = json!({"message": message, "type": kind, "param": param, "code": code});
        let mut response = (status, Json(json!({"error": error}))).into_response();
        if let Some(after) = retry_after {
            let ms = after.as_millis() as u64;
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from(ms.div_ceil(1000)));
            headers.insert("retry-after-ms", HeaderValue::from(ms));
        }
        response
    }
}

pub(crate) async fn no_such_route(method: Method, uri: Uri) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("no endpoint at {method} {}", uri.path())).code("unknown_url")
}

pub(crate) async fn no_such_method(method: Method, uri: Uri) -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{} does not take {method}", uri.path()),
    )
    .code("method_not_supported")
}
