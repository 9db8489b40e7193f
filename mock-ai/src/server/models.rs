//! The models that the provider claims to serve.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde_json::{Value, json};

use super::app::{App, Settings};
use crate::refusal::Refusal;

/// Listed when every name is a model.
const ANY: &str = "mock-ai";
/// Birthday of every model, in seconds of Unix time.
const CREATED: u64 = 1_700_000_000;

pub(super) async fn list(State(app): State<Arc<App>>) -> Json<Value> {
    let models = &app.settings.models;
    let data: Vec<_> = if models.is_empty() {
        vec![describe(ANY)]
    } else {
        models.iter().map(|model| describe(model)).collect()
    };
    Json(json!({"object": "list", "data": data}))
}

pub(super) async fn find(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    check(&app.settings, &id)?;
    Ok(Json(describe(&id)))
}

/// Refuses a model that does not exist.
pub(super) fn check(settings: &Settings, model: &str) -> Result<(), Refusal> {
    if settings.models.is_empty() || settings.models.iter().any(|known| known == model) {
        return Ok(());
    }
    let known = settings.models.join(", ");
    Err(Refusal::new(
        StatusCode::NOT_FOUND,
        format!("model '{model}' does not exist here, known are {known}"),
    )
    .param("model")
    .code("model_not_found"))
}

fn describe(id: &str) -> Value {
    json!({"id": id, "object": "model", "created": CREATED, "owned_by": "mock-ai"})
}
