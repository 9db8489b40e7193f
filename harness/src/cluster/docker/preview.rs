//! A preview of bringing clusters up. It only looks: nothing is made, started, locked or removed.

use serde::Serialize;
use serde_json::Value;

use crate::cluster::docker::compose::Compose;
use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::leftovers::{Fate, leftovers};
use crate::cluster::docker::images;
use crate::cluster::docker::images::image::Images;
use crate::cluster::docker::topology::Source;
use crate::cluster::part::error::ClusterError;
use crate::cluster::spec::{ClusterSpec, project_name};

/// Placeholder for the run's name, which is drawn when a run begins.
const RUN: &str = "RUN";
/// The things that a run would find, bring up and remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// Address of the engine.
    pub engine: String,
    /// The Compose command, with its version.
    pub compose: String,
    /// Each image, and how it would be obtained.
    pub images: Vec<PlannedImage>,
    /// Clusters that would be brought up, and removed at the end.
    pub clusters: Vec<PlannedCluster>,
    /// Kept clusters, which would be used instead if they fit.
    pub kept: Vec<String>,
    /// Remains of dead runs, which would be removed first.
    pub orphaned: Vec<String>,
}

/// An image that a run needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedImage {
    /// The part that it is for.
    pub image: String,
    /// Its reference; `None` if the engine does not have it.
    pub present: Option<String>,
    /// A phrase for how a run obtains it if the engine does not have it.
    pub otherwise: &'static str,
}

/// A cluster that would be brought up, by the names that its things would have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedCluster {
    /// The Compose project; `RUN` stands for the run's name.
    pub project: String,
    /// Containers.
    pub containers: Vec<String>,
    /// Networks.
    pub networks: Vec<String>,
    /// Volumes.
    pub volumes: Vec<String>,
}

impl Preview {
    /// Previews a run on `slots` clusters of the spec.
    ///
    /// # Errors
    /// There is no Compose, or the engine does not answer: the run itself would fail in the same way.
    pub async fn look(engine: &Engine, slots: u16, spec: &ClusterSpec) -> Result<Self, ClusterError> {
        let (compose, found) = tokio::try_join!(Compose::find(), leftovers(engine))?;
        let source = Source::read(&compose, spec).await?;
        let images = images::survey(engine, &source.named()).await?;
        let file = source.topology(engine, spec, &Images::default())?.generated.file;
        let images = images.into_iter().map(|(image, present)| PlannedImage {
            image: image.to_string(),
            present,
            otherwise: image.how_it_is_obtained(),
        });
        let of = |fate: Fate| {
            let left = found.iter().filter(|left| left.fate == fate);
            left.map(|left| left.project.clone()).collect()
        };
        Ok(Self {
            engine: engine.host().to_owned(),
            compose: format!("{} {}", compose.command(), compose.version()),
            images: images.collect(),
            clusters: (0..slots)
                .map(|slot| PlannedCluster::of(slot, &compose, &file))
                .collect(),
            kept: of(Fate::Kept),
            orphaned: of(Fate::Orphaned),
        })
    }
}

impl PlannedCluster {
    fn of(slot: u16, compose: &Compose, file: &Value) -> Self {
        let project = project_name(RUN, slot);
        let names = |section: &str| -> Vec<String> {
            let names = file.get(section).and_then(Value::as_object);
            names.into_iter().flat_map(|names| names.keys().cloned()).collect()
        };
        let in_project = |section: &str| {
            names(section)
                .into_iter()
                .map(|name| format!("{project}_{name}"))
                .collect()
        };
        // v1 joins the words of a container's name by another character.
        let joint = if compose.is_v1() { '_' } else { '-' };
        let containers = names("services").into_iter();
        Self {
            containers: containers
                .map(|service| format!("{project}{joint}{service}{joint}1"))
                .collect(),
            networks: in_project("networks"),
            volumes: in_project("volumes"),
            project,
        }
    }
}
