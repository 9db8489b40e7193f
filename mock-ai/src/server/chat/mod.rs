//! `POST /v1/chat/completions`: from the request to a call, and from the call to a stream or one whole answer.

mod breakoff;
mod chunk;
mod odd;
mod page;
mod request;
mod stream;
mod whole;

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    body::{Body, to_bytes},
    extract::{Extension, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;

use self::{chunk::Head, request::ChatRequest};
use super::{
    app::{App, Caller},
    models,
    stamp::RequestId,
    walk::Walk,
    wire::Link,
};
use crate::{
    journal::{Cause, Message},
    refusal::Refusal,
    script::{Plan, Script},
    state::{Arrival, Call},
    token::is_key,
};

/// The largest request that is read.
const BODY_MAX_BYTES: usize = 32 << 20;
/// The largest answer that is given whole, as it is put together in memory.
const WHOLE_MAX_BYTES: u64 = 64 << 20;
/// Request headers whose values the journal does not show.
const SECRETS: [&str; 6] = [
    "authorization",
    "api-key",
    "x-api-key",
    "proxy-authorization",
    "cookie",
    "set-cookie",
];

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(link): Extension<Link>,
    Extension(id): Extension<RequestId>,
    caller: Option<Extension<Caller>>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let accepted = accept(&app, &head.headers, body).await;
    let (chat, script, key) = match accepted {
        Ok(accepted) => accepted,
        Err(refusal) => {
            app.world.reject();
            return refusal.into_response();
        }
    };
    let arrival = Arrival {
        key: key.into(),
        pod: caller.map(|Extension(Caller(name))| name),
        peer: link.peer.to_string(),
        request_id: id.to_string(),
        stream: chat.stream,
        headers: shown(&head.headers),
        messages: chat.messages.clone(),
    };
    let (call, plan) = Call::begin(&app.world, arrival, &script);
    respond(call, plan, &chat, id, link).await
}

/// Everything that can be wrong with a request before it is a call.
async fn accept(app: &App, headers: &HeaderMap, body: Body) -> Result<(ChatRequest, Script, String), Refusal> {
    if app.settings.require_key && bearer(headers).is_none() {
        let message = "no API key, expected a header 'Authorization: Bearer KEY'";
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, message));
    }
    if let Some(kind) = headers.get(header::CONTENT_TYPE)
        && !kind
            .to_str()
            .is_ok_and(|kind| kind.trim().to_ascii_lowercase().starts_with("application/json"))
    {
        let message = format!("content type {kind:?} is not supported, expected application/json");
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let body = to_bytes(body, BODY_MAX_BYTES).await.map_err(|_| {
        Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body exceeds {BODY_MAX_BYTES} bytes"),
        )
    })?;
    let chat = ChatRequest::parse(&body)?;
    models::check(&app.settings, &chat.model)?;
    let script = script(headers, &chat.messages)?;
    let key = key(headers, &script, &body)?;
    Ok((chat, script, key))
}

/// The script in the last user message, overridden by the one in the header.
fn script(headers: &HeaderMap, messages: &[Message]) -> Result<Script, Refusal> {
    let prompt = messages
        .iter()
        .rfind(|message| message.role == "user")
        .map_or("", |message| message.text.as_str());
    let prompt = Script::from_prompt(prompt)
        .map_err(|error| Refusal::bad_request(format!("in the last user message: {error}")).param("messages"))?;
    let Some(forced) = header_text(headers, "x-mock")? else {
        return Ok(prompt);
    };
    let forced = Script::from_directives(forced)
        .map_err(|error| Refusal::bad_request(format!("in the header x-mock: {error}")))?;
    Ok(prompt.then(forced))
}

/// Key of the turn: told by a header, by the script or by the API key, else derived from the request's bytes.
fn key(headers: &HeaderMap, script: &Script, body: &Bytes) -> Result<String, Refusal> {
    if let Some(key) = header_text(headers, "x-mock-key")? {
        let bad = || Refusal::bad_request("x-mock-key takes 1 to 64 letters, digits, `-` or `_`");
        return if is_key(key) { Ok(key.to_owned()) } else { Err(bad()) };
    }
    let told = script
        .key()
        .or_else(|| bearer(headers)?.strip_prefix("sk-mock-").filter(|key| is_key(key)));
    Ok(told.map_or_else(|| fingerprint(body), ToOwned::to_owned))
}

/// FNV-1a of the request's body, in hex: the same for a repeated request.
fn fingerprint(body: &[u8]) -> String {
    let hash = body.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    Some(key.trim()).filter(|key| scheme.eq_ignore_ascii_case("bearer") && !key.is_empty())
}

fn header_text<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Refusal> {
    let text = |value: &'h header::HeaderValue| {
        value
            .to_str()
            .map_err(|_| Refusal::bad_request(format!("the header {name} is not ASCII text")))
    };
    headers.get(name).map(text).transpose()
}

/// The headers as the journal shows them.
fn shown(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut shown = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        let value = if SECRETS.contains(&name.as_str()) {
            "[redacted]".into()
        } else {
            String::from_utf8_lossy(value.as_bytes())
        };
        let entry = shown.entry(name.to_string()).or_default();
        if !entry.is_empty() {
            entry.push_str(", ");
        }
        entry.push_str(&value);
    }
    shown
}

async fn respond(mut call: Call, plan: Plan, chat: &ChatRequest, id: RequestId, link: Link) -> Response {
    if let Some(page) = plan.odd.page {
        return page::respond(call, page, plan.failure.as_ref().map(|failure| failure.status));
    }
    let refusal = plan
        .failure
        .as_ref()
        .map(Refusal::scripted)
        .or_else(|| too_large(&call, &plan, chat));
    if let Some(refusal) = refusal {
        call.finish(Cause::Error(refusal.status.as_u16()));
        return refusal.into_response();
    }
    if plan.hang {
        let forced = call.live().until_forced().await;
        return breakoff::response(Bytes::new(), forced, call, link);
    }
    let head = Head::new(id, &chat.model);
    let walk = Walk::new(call, plan, chat.max_tokens);
    if chat.stream {
        stream::respond(walk, &head, chat, link)
    } else {
        whole::respond(walk, head, chat, link).await
    }
}

/// A whole answer is put together in memory, which a stream is not.
fn too_large(call: &Call, plan: &Plan, chat: &ChatRequest) -> Option<Refusal> {
    let token_bytes = (plan.size as u64).max(call.live().id.key.len() as u64 + 48);
    let bytes = u64::from(plan.tokens) * token_bytes;
    (!chat.stream && bytes > WHOLE_MAX_BYTES).then(|| {
        Refusal::bad_request(format!(
            "an answer of {bytes} bytes exceeds {WHOLE_MAX_BYTES}, ask for a stream"
        ))
    })
}
