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
    chunk::{Chunks, DONE, Head, Usage, UsageField},
    odd,
    request::ChatRequest,
};
use crate::{
    journal::Cause,
    refusal::Refusal,
    script::{Flag, Odd, Oddity, UsageMode},
    server::{
        walk::{Finish, Step, Walk},
        wire::Link,
    },
    state::Forced,
};

struct Stream {
    walk: Walk,
    chunks: Chunks,
    link: Link,
    prompt_tokens: u32,
    /// Whether a chunk with the usage follows the closing one.
    has_usage: bool,
    /// Whether the answer differs from an ordinary one.
    is_odd: bool,
    next: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Role,
    Opening,
    Tokens,
    Linger,
    Usage,
    Done,
    End,
}

pub(super) fn respond(walk: Walk, head: &Head, chat: &ChatRequest, link: Link) -> Response {
    let prompt_tokens = chat.prompt_tokens();
    let (field, has_usage) = match (walk.odd().usage, chat.include_usage) {
        (Some(UsageMode::None), _) | (None, false) => (UsageField::Absent, false),
        (Some(UsageMode::Each), _) => (UsageField::Now(Usage::new(prompt_tokens, 0)), true),
        (Some(UsageMode::Final), _) | (None, true) => (UsageField::Later, true),
    };
    let chunks = match Chunks::new(head.clone(), field, walk.odd()) {
        Ok(chunks) => chunks,
        Err(error) => return Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    };
    let stream = Stream {
        is_odd: *walk.odd() != Odd::default(),
        walk,
        chunks,
        link,
        prompt_tokens,
        has_usage,
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
    /// The body's next piece: the events that are due now.
    async fn item(&mut self) -> Option<Result<Bytes, Broken>> {
        let is_first = self.next == Stage::Role;
        let events = loop {
            if self.next == Stage::End {
                self.walk.call.finish(Cause::Complete);
                return None;
            }
            match self.events().await {
                Ok(events) if events.is_empty() => {}
                Ok(events) => break events,
                Err(forced) => return breakoff::last_item(forced, &mut self.walk.call, &self.link).await,
            }
        };
        let item = if self.is_odd {
            odd::dressed(self.walk.odd(), &self.walk.call, is_first, &events)
        } else {
            events.into()
        };
        self.walk.call.sent(item.len());
        Some(Ok(item))
    }

    /// The events of the stage that is due, perhaps none; an error if the answer is to break off.
    async fn events(&mut self) -> Result<Vec<u8>, Forced> {
        let (events, next) = match self.next {
            Stage::Role => (self.chunks.role().into_bytes(), Stage::Opening),
            Stage::Opening => (
                odd::opening(&self.chunks, self.walk.odd(), &self.walk.call),
                Stage::Tokens,
            ),
            Stage::Tokens => match self.walk.step().await {
                Step::Token(text) => self.token(&text),
                Step::Finished(finish) => (self.closing(finish), Stage::Linger),
                Step::Cut(forced) => return Err(forced),
            },
            Stage::Linger => (self.linger().await?, self.after_lingering()),
            Stage::Usage => (self.usage(), self.after_usage()),
            Stage::Done => (DONE.into(), Stage::End),
            Stage::End => (Vec::new(), Stage::End),
        };
        self.next = next;
        Ok(events)
    }

    fn token(&self, text: &str) -> (Vec<u8>, Stage) {
        if !self.is_odd {
            return (self.chunks.text(text).into_bytes(), Stage::Tokens);
        }
        let (plan, call) = (self.walk.odd(), &self.walk.call);
        if let Some(bad) = plan.bad.filter(|bad| bad.after + 1 == self.walk.sent()) {
            return (odd::bad(&self.chunks, bad, call), Stage::Tokens);
        }
        if let Some(reason) = &plan.unfinished {
            odd::note(call, &Oddity::Unfinished(reason.clone()));
        }
        let is_closing = self.walk.is_through() && plan.has(Flag::Closing) && !plan.has(Flag::NoFinish);
        if !is_closing {
            return (odd::token(&self.chunks, plan, call, text, None), Stage::Tokens);
        }
        odd::note(call, &Oddity::Flag(Flag::Closing));
        let reason = self.reason(self.walk.finish());
        (odd::token(&self.chunks, plan, call, text, Some(&reason)), Stage::Linger)
    }

    fn closing(&self, finish: Finish) -> Vec<u8> {
        if self.walk.odd().has(Flag::NoFinish) {
            odd::note(&self.walk.call, &Oddity::Flag(Flag::NoFinish));
            return Vec::new();
        }
        self.chunks.choice("", &self.reason(finish)).into_bytes()
    }

    /// Why the answer stops, as JSON.
    fn reason(&self, finish: Finish) -> String {
        let Some(reason) = &self.walk.odd().finish else {
            return format!("\"{}\"", finish.as_str());
        };
        odd::note(&self.walk.call, &Oddity::Finish(reason.clone()));
        reason.clone()
    }

    async fn linger(&self) -> Result<Vec<u8>, Forced> {
        let time = self.walk.odd().linger;
        if !time.is_zero() {
            odd::note(&self.walk.call, &Oddity::Linger(time));
            self.walk.pause(time).await?;
        }
        Ok(Vec::new())
    }

    fn after_lingering(&self) -> Stage {
        if self.has_usage {
            Stage::Usage
        } else {
            self.after_usage()
        }
    }

    fn after_usage(&self) -> Stage {
        if self.walk.odd().has(Flag::NoDone) {
            odd::note(&self.walk.call, &Oddity::Flag(Flag::NoDone));
            Stage::End
        } else {
            Stage::Done
        }
    }

    fn usage(&self) -> Vec<u8> {
        if let Some(place) = self.walk.odd().usage {
            odd::note(&self.walk.call, &Oddity::Usage(place));
        }
        let usage = self.chunks.usage(Usage::new(self.prompt_tokens, self.walk.sent()));
        // Three numbers can always be written.
        usage.unwrap_or_default().into_bytes()
    }
}
