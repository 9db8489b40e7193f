//! An answer given whole, after as much time as a stream of it would have taken.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;

use super::{
    breakoff,
    chunk::{Completion, Head, Usage},
    request::ChatRequest,
};
use crate::{
    journal::Cause,
    refusal::Refusal,
    server::{
        walk::{Finish, Step, Walk},
        wire::Link,
    },
};

pub(super) async fn respond(mut walk: Walk, head: Head, chat: &ChatRequest, link: Link) -> Response {
    let mut content = String::new();
    let (finish, forced) = loop {
        match walk.step().await {
            Step::Token(text) => {
                content.push_str(&text);
                content.push_str(walk.odd().text.shown());
            }
            Step::Finished(finish) => break (finish, None),
            Step::Cut(forced) => break (Finish::Stop, Some(forced)),
        }
    };
    let usage = Usage::new(chat.prompt_tokens(), walk.sent());
    let body = match serde_json::to_vec(&Completion::new(head, &content, finish, usage)) {
        Ok(body) => Bytes::from(body),
        Err(error) => return Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    };
    let mut call = walk.call;
    if let Some(forced) = forced {
        // Half of a JSON document is none, however the body ends.
        return breakoff::response(body.slice(..body.len() / 2), forced, call, link);
    }
    call.sent(body.len());
    call.finish(Cause::Complete);
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
