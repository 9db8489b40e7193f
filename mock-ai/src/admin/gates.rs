//! Gates: wait until a stream is held at one, and let it on.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::Deserialize;

use super::query;
use crate::{
    journal::{CallId, GateState},
    refusal::Refusal,
    script::is_gate_name,
    state::{Book, Opening, World},
};

#[derive(Deserialize)]
pub(super) struct Look {
    #[serde(default, deserialize_with = "query::wait")]
    wait: Option<Duration>,
    streams: Option<usize>,
    ordinal: Option<u32>,
    key: Option<String>,
}

/// The gate, and those held at it that match.
pub(super) async fn look(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
    query::Query(look): query::Query<Look>,
) -> Result<(StatusCode, Json<GateState>), Refusal> {
    check(&name)?;
    let state = |book: &Book| {
        let mut state = book.gate(&name);
        state.held.retain(|held| {
            look.ordinal.is_none_or(|ordinal| held.id.ordinal == ordinal)
                && look.key.as_ref().is_none_or(|key| **key == *held.id.key)
        });
        state
    };
    let Some(bound) = look.wait else {
        return Ok((StatusCode::OK, Json(world.read(state))));
    };
    let streams = look.streams.unwrap_or(1);
    let held = world
        .wait_for(bound, |book| {
            Some(state(book)).filter(|state| state.held.len() >= streams)
        })
        .await;
    Ok(match held {
        Some(state) => (StatusCode::OK, Json(state)),
        None => (StatusCode::REQUEST_TIMEOUT, Json(world.read(state))),
    })
}

#[derive(Deserialize)]
pub(super) struct Open {
    through: Option<u32>,
    call: Option<CallId>,
}

pub(super) async fn open(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
    query::Query(open): query::Query<Open>,
) -> Result<Json<GateState>, Refusal> {
    check(&name)?;
    let opening = open.through.map_or(Opening::Open, Opening::Through);
    let opened = world.write(|book, _| book.open_gate(&name, opening, open.call));
    opened
        .map(Json)
        .ok_or_else(|| Refusal::no_live_call(open.call.unwrap_or_default()))
}

fn check(name: &str) -> Result<(), Refusal> {
    if is_gate_name(name) {
        return Ok(());
    }
    Err(Refusal::bad_request(format!(
        "`{name}` cannot name a gate, expected letters, digits, `-`, `_` or `.`"
    )))
}
