//! An answer as a stream of server-sent events, each written as soon as it is due.

use axum::{
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;

use super::{
    breakoff::{self, Broken},
    chunk::{Chunks, DONE, Head, Usage},
    request::ChatRequest,
};
use crate::{
    journal::Cause,
    server::{
        Refusal,
        walk::{Finish, Step, Walk},
        wire::Link,
    },
};

struct Stream {
    walk: Walk,
    chunks: Chunks,
    link: Link,
    prompt_tokens: u32,
    /// Whether the caller asked for a chunk with the usage.
    include_usage: bool,
    next: Stage,
}

#[derive(Clone, Copy)]
enum Stage {
    Role,
    Tokens,
    Usage,
    Done,
    End,
}

pub(super) fn respond(walk: Walk, head: &Head, chat: &ChatRequest, link: Link) -> Response {
    let chunks = match Chunks::new(head.clone(), chat.include_usage) {
        Ok(chunks) => chunks,
        Err(error) => return Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    };
    let stream = Stream {
        walk,
        chunks,
        link,
        prompt_tokens: chat.prompt_tokens(),
        include_usage: chat.include_usage,
        next: Stage::Role,
    };
    // Boxed, as each step would move it otherwise.
    let body = stream::unfold(Box::new(stream), |mut stream| async move {
        Some((stream.item().await?, stream))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, Body::from_stream(body)).into_response()
}

impl Stream {
    async fn item(&mut self) -> Option<Result<Bytes, Broken>> {
        let (event, next) = match self.next {
            Stage::Role => (self.chunks.role(), Stage::Tokens),
            Stage::Tokens => match self.walk.step().await {
                Step::Token(text) => (Ok(self.chunks.token(&text)), Stage::Tokens),
                Step::Finished(finish) => self.finish(finish),
                Step::Cut(forced) => return breakoff::last_item(forced, &mut self.walk.call, &self.link).await,
            },
            Stage::Usage => (
                self.chunks.usage(Usage::new(self.prompt_tokens, self.walk.sent())),
                Stage::Done,
            ),
            Stage::Done => (Ok(DONE), Stage::End),
            Stage::End => {
                self.walk.call.finish(Cause::Complete);
                return None;
            }
        };
        self.next = next;
        let event = event.map_err(|_| Broken);
        self.walk.call.sent(event.as_ref().map_or(0, Bytes::len));
        Some(event)
    }

    fn finish(&self, finish: Finish) -> (serde_json::Result<Bytes>, Stage) {
        (
            self.chunks.finish(finish),
            if self.include_usage { Stage::Usage } else { Stage::Done },
        )
    }
}
