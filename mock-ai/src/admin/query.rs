//! Query strings, refused in the same envelope as everything else.

use std::time::Duration;

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::refusal::Refusal;

/// The longest wait that one request may ask for; more is cut to it.
const WAIT_MAX: Duration = Duration::from_mins(10);

pub(super) struct Query<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let query = axum::extract::Query::try_from_uri(&parts.uri);
        let query = query.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.body_text()))?;
        Ok(Self(query.0))
    }
}

/// Reads `wait=MS`.
pub(super) fn wait<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Duration>, D::Error> {
    let ms = Option::<u64>::deserialize(value)?;
    Ok(ms.map(|ms| Duration::from_millis(ms).min(WAIT_MAX)))
}
