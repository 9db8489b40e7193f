//! The headers that every response of the provider carries, whatever it says.

use std::time::Instant;

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROCESSING_MS: HeaderName = HeaderName::from_static("openai-processing-ms");

/// Identifies one request; unique across processes.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestId(pub(super) Uuid);

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "req_{}", self.0.simple())
    }
}

pub(super) async fn stamp(mut request: Request, next: Next) -> Response {
    let id = RequestId(Uuid::new_v4());
    let start = Instant::now();
    request.extensions_mut().insert(id);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(id.to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(PROCESSING_MS, HeaderValue::from(start.elapsed().as_millis() as u64));
    response
}
