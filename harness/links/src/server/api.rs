//! The HTTP interface: Toxiproxy's paths, statuses and bodies, and `GET /proxies/{proxy}/effects`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use tokio::sync::Mutex;

use super::proxy::answer;
use super::registry::Registry;
use crate::model::{ApiError, Proxy, ProxyEffects, Stream, Toxic, Version};
use crate::request;

/// The version of Toxiproxy whose interface this is.
const SPOKEN: &str = "2.12.0";

type Shared = State<Arc<Mutex<Registry>>>;
type Answer<T> = Result<Json<T>, ApiError>;

pub(super) fn routes(registry: Arc<Mutex<Registry>>) -> Router {
    let toxic = get(show_toxic)
        .post(change_toxic)
        .patch(change_toxic)
        .delete(remove_toxic);
    Router::new()
        .route("/version", get(version))
        .route("/reset", post(reset))
        .route("/populate", post(populate))
        .route("/metrics", get(metrics))
        .route("/proxies", get(index).post(create))
        .route("/proxies/{proxy}", get(show).post(change).patch(change).delete(delete))
        .route("/proxies/{proxy}/effects", get(effects))
        .route("/proxies/{proxy}/toxics", get(toxics).post(add_toxic))
        .route("/proxies/{proxy}/toxics/{toxic}", toxic)
        .fallback(|| async { request::error("no such path", 404) })
        .method_not_allowed_fallback(|| async { request::error("method not allowed", 405) })
        .with_state(registry)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self)).into_response()
    }
}

async fn version() -> Json<Version> {
    Json(Version { version: SPOKEN.into() })
}

async fn reset(State(registry): Shared) -> Result<StatusCode, ApiError> {
    registry.lock().await.reset().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize)]
struct Populated {
    #[serde(flatten)]
    error: Option<ApiError>,
    proxies: Vec<Proxy>,
}

async fn populate(State(registry): Shared, body: Bytes) -> Response {
    let (proxies, error) = match request::population(&body) {
        Ok(specs) => registry.lock().await.populate(specs).await,
        Err(error) => (Vec::new(), Some(error)),
    };
    let status = error.as_ref().map(|error| StatusCode::from_u16(error.status));
    let status = status.map_or(StatusCode::CREATED, |status| {
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    });
    (status, Json(Populated { error, proxies })).into_response()
}

async fn index(State(registry): Shared) -> Json<BTreeMap<String, Proxy>> {
    let registry = registry.lock().await;
    let named = |proxy: &super::proxy::Proxy| (proxy.spec().name.clone(), proxy.answer());
    Json(registry.proxies().map(named).collect())
}

async fn create(State(registry): Shared, body: Bytes) -> Result<(StatusCode, Json<Proxy>), ApiError> {
    let spec = request::new_proxy(&body)?;
    let proxy = registry.lock().await.create(spec).await?;
    Ok((StatusCode::CREATED, Json(proxy)))
}

async fn show(State(registry): Shared, Path(proxy): Path<String>) -> Answer<Proxy> {
    Ok(Json(registry.lock().await.proxy(&proxy)?.answer()))
}

async fn change(State(registry): Shared, Path(proxy): Path<String>, body: Bytes) -> Answer<Proxy> {
    let mut registry = registry.lock().await;
    registry.proxy(&proxy)?;
    let change = request::proxy_change(&body)?;
    Ok(Json(registry.change(&proxy, change).await?))
}

async fn delete(State(registry): Shared, Path(proxy): Path<String>) -> Result<StatusCode, ApiError> {
    registry.lock().await.delete(&proxy).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn effects(State(registry): Shared, Path(proxy): Path<String>) -> Answer<ProxyEffects> {
    Ok(Json(registry.lock().await.proxy(&proxy)?.hub().effects()))
}

async fn toxics(State(registry): Shared, Path(proxy): Path<String>) -> Answer<Vec<Toxic>> {
    Ok(Json(registry.lock().await.proxy(&proxy)?.toxics()))
}

async fn add_toxic(State(registry): Shared, Path(proxy): Path<String>, body: Bytes) -> Answer<Toxic> {
    Ok(Json(registry.lock().await.add_toxic(&proxy, &body).await?))
}

async fn show_toxic(State(registry): Shared, Path((proxy, toxic)): Path<(String, String)>) -> Answer<Toxic> {
    let registry = registry.lock().await;
    Ok(Json(answer(&*registry.proxy(&proxy)?.toxic(&toxic)?)))
}

async fn change_toxic(
    State(registry): Shared,
    Path((proxy, toxic)): Path<(String, String)>,
    body: Bytes,
) -> Answer<Toxic> {
    Ok(Json(registry.lock().await.change_toxic(&proxy, &toxic, &body).await?))
}

async fn remove_toxic(
    State(registry): Shared,
    Path((proxy, toxic)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    registry.lock().await.remove_toxic(&proxy, &toxic).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Prometheus' text format: bytes of each proxy and direction, by Toxiproxy's names.
async fn metrics(State(registry): Shared) -> impl IntoResponse {
    let registry = registry.lock().await;
    let mut text = String::new();
    for (name, written) in [("received", false), ("sent", true)] {
        let _infallible = writeln!(text, "# TYPE toxiproxy_proxy_{name}_bytes_total counter");
        for proxy in registry.proxies() {
            for stream in [Stream::Upstream, Stream::Downstream] {
                let (received, sent) = proxy.hub().traffic(stream);
                let spec = proxy.spec();
                let _infallible = writeln!(
                    text,
                    "toxiproxy_proxy_{name}_bytes_total{{direction=\"{}\",listener={:?},proxy={:?},upstream={:?}}} {}",
                    stream.name(),
                    spec.listen,
                    spec.name,
                    spec.upstream,
                    if written { sent } else { received },
                );
            }
        }
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}
