//! Breaks an answer off: at a clean end of body, within the body, or by resetting the connection.
//!
//! What was said before is written to the socket first, so that the client has exactly that much.

use std::fmt;

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;

use crate::{
    script::EndMode,
    server::wire::Link,
    state::{Call, Forced},
};

/// Makes the connection close within the body; nobody reads it.
#[derive(Debug)]
pub(super) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer is broken off on purpose")
    }
}

impl std::error::Error for Broken {}

/// A body's last item: the end that was asked for. Polled from within a body.
pub(super) async fn last_item(forced: Forced, call: &mut Call, link: &Link) -> Option<Result<Bytes, Broken>> {
    link.flushed().await;
    call.finish(forced.cause());
    match forced.mode() {
        EndMode::Eof => None,
        EndMode::Abort => Some(Err(Broken)),
        EndMode::Rst => {
            link.reset_on_close();
            Some(Err(Broken))
        }
    }
}

/// A response that says `part` and then breaks off.
pub(super) fn response(part: Bytes, forced: Forced, call: Call, link: Link) -> Response {
    let body = stream::unfold(Some((part, call, link)), move |state| async move {
        let (part, mut call, link) = state?;
        if part.is_empty() {
            return last_item(forced, &mut call, &link).await.map(|item| (item, None));
        }
        call.sent(part.len());
        Some((Ok(part), Some((Bytes::new(), call, link))))
    });
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(body)).into_response()
}
