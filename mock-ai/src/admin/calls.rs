//! The records of calls, and waiting for a call to come in.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::Deserialize;

use super::query::{self, Query};
use crate::{
    journal::{CallId, CallRecord},
    refusal::Refusal,
    state::{CALLS_KEPT, CallFilter, World},
};

#[derive(Deserialize)]
pub(super) struct List {
    key: Option<String>,
    ordinal: Option<u32>,
    #[serde(default)]
    since: CallId,
    #[serde(default, deserialize_with = "query::wait")]
    wait: Option<Duration>,
}

pub(super) async fn list(
    State(world): State<Arc<World>>,
    Query(list): Query<List>,
) -> (StatusCode, Json<Vec<CallRecord>>) {
    let filter = CallFilter {
        key: list.key,
        ordinal: list.ordinal,
        since: list.since,
    };
    let Some(bound) = list.wait else {
        return (StatusCode::OK, Json(world.read(|book| book.records(&filter))));
    };
    let found = world
        .wait_for(bound, |book| {
            Some(book.records(&filter)).filter(|records| !records.is_empty())
        })
        .await;
    found.map_or((StatusCode::REQUEST_TIMEOUT, Json(Vec::new())), |records| {
        (StatusCode::OK, Json(records))
    })
}

pub(super) async fn find(
    State(world): State<Arc<World>>,
    Path(call): Path<CallId>,
) -> Result<Json<CallRecord>, Refusal> {
    let unknown = || {
        let message =
            format!("no record of call {call}; it never began, was reset, or {CALLS_KEPT} others ended since");
        Refusal::new(StatusCode::NOT_FOUND, message)
    };
    world.read(|book| book.record(call)).map(Json).ok_or_else(unknown)
}
