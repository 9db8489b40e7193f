//! Bodies that are no stream: what proxies, gateways and providers in trouble answer with.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use futures_util::stream;

use super::{breakoff::Broken, odd::note};
use crate::{
    journal::Cause,
    script::{Oddity, Page},
    state::Call,
};

/// Between two pieces of a page that never ends.
const PIECE_EVERY: Duration = Duration::from_millis(20);
const STREAM: &str = "text/event-stream";
const HTML: &[u8] =
    b"<html>\n<head><title>502 Bad Gateway</title></head>\n<body>\n<h1>502 Bad Gateway</h1>\n</body>\n</html>\n";
const JSON: &[u8] =
    br#"{"error":{"message":"the model is \u0000 overloaded \ud83d","type":"server_error","param":null,"code":503}}"#;
const TEXT: &[u8] = b"upstream connect error or disconnect/reset before headers\n";
/// `hello` and a line feed.
const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcbH\xcd\xc9\xc9\xe7\x02\x00 0:6\x06\x00\x00\x00";

/// A response with this page; `failure` is the status that the script asks for.
pub(super) fn respond(mut call: Call, page: Page, failure: Option<u16>) -> Response {
    note(&call, &Oddity::Page(page));
    let (kind, body) = match page {
        Page::Html => ("text/html", HTML),
        Page::HtmlStream => (STREAM, HTML),
        Page::Json => ("application/json", JSON),
        Page::Text => ("text/plain", TEXT),
        Page::Gzip | Page::GzipStream => (STREAM, GZIP),
        Page::Empty => (STREAM, &b""[..]),
        Page::Endless => return with(failure, "text/html", endless(call)),
    };
    call.sent(body.len());
    call.finish(failure.map_or(Cause::Complete, Cause::Error));
    let mut response = with(failure, kind, Body::from(body));
    if page == Page::Gzip {
        insert(&mut response, header::CONTENT_ENCODING, "gzip");
    }
    response
}

/// A page of which more and more comes, until the client is gone.
fn endless(call: Call) -> Body {
    Body::from_stream(stream::unfold(call, |mut call| async move {
        tokio::time::sleep(PIECE_EVERY).await;
        call.sent(HTML.len());
        let live = call.live().forced().is_none();
        live.then(|| (Ok::<_, Broken>(Bytes::from_static(HTML)), call))
    }))
}

fn with(failure: Option<u16>, kind: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    let status = failure.and_then(|status| StatusCode::from_u16(status).ok());
    *response.status_mut() = status.unwrap_or(StatusCode::OK);
    insert(&mut response, header::CONTENT_TYPE, kind);
    response
}

fn insert(response: &mut Response, name: HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}
