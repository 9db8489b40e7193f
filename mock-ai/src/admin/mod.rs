//! The admin interface, on its own address: look at calls, wait for what they do, and steer them.
//!
//! Every wait is bounded by the caller and answered 408 with the last state seen when the bound passes. Absent:
//! authentication (the address is not for everybody) and changing what a call does after it has begun, other than
//! through its gate or by ending it.

mod calls;
mod events;
mod gates;
mod metrics;
mod query;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use self::query::Query;
use crate::{
    journal::{CallId, EndRequest, KeyState},
    refusal::Refusal,
    state::{Forced, World},
};

pub(crate) fn router(world: Arc<World>) -> Router {
    let routes = Router::new()
        .route("/health", get(health))
        .route("/gates/{name}", get(gates::look))
        .route("/gates/{name}/open", post(gates::open))
        .route("/calls", get(calls::list))
        .route("/calls/{call}", get(calls::find))
        .route("/events", get(events::follow))
        .route("/streams/{call}/end", post(end))
        .route("/reset", post(reset))
        .route("/keys/{key}", get(key))
        .route("/metrics", get(metrics::render));
    let unknown = || async { Refusal::new(StatusCode::NOT_FOUND, "no such admin endpoint, see the README") };
    Router::new()
        .nest("/__mock", routes)
        .fallback(unknown)
        .with_state(world)
}

async fn health(State(world): State<Arc<World>>) -> Json<Value> {
    Json(json!({"status": "ok", "up_us": world.now_us()}))
}

async fn key(State(world): State<Arc<World>>, Path(key): Path<String>) -> Json<KeyState> {
    Json(world.read(|book| book.key(&key)))
}

async fn end(
    State(world): State<Arc<World>>,
    Path(call): Path<CallId>,
    request: axum::body::Bytes,
) -> Result<StatusCode, Refusal> {
    let request: EndRequest = serde_json::from_slice(&request)
        .map_err(|error| Refusal::bad_request(format!("expected {{\"mode\": \"eof|abort|rst\"}}: {error}")))?;
    if world.read(|book| book.force(call, Forced::End(request.mode))) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::no_live_call(call))
    }
}

#[derive(Deserialize)]
struct Reset {
    key: Option<String>,
}

async fn reset(State(world): State<Arc<World>>, Query(reset): Query<Reset>) -> StatusCode {
    world.write(|book, now_us| book.reset(reset.key.as_deref(), now_us));
    StatusCode::NO_CONTENT
}
