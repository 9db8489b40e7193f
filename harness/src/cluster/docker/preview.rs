//! A preview of bringing clusters up. It only looks: nothing is made, started, locked or removed.

use serde::Serialize;

use crate::cluster::docker::compose::Compose;
use crate::cluster::docker::compose::setup::compose_services;
use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::leftovers::{Fate, leftovers};
use crate::cluster::docker::images;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::service::Service;
use crate::cluster::spec::{PODS_MAX, project_name, services};
use crate::history::PodName;

/// Placeholder for the run's name, which is drawn when a run begins.
const RUN: &str = "RUN";
/// The volumes of the compose file; the network is Compose's default one.
const VOLUMES: [&str; 5] = ["postgres", "nats", "spool-1", "spool-2", "spool-3"];

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
    /// Its network.
    pub network: String,
    /// Volumes.
    pub volumes: Vec<String>,
}

impl Preview {
    /// Previews a run on `slots` clusters.
    ///
    /// # Errors
    /// There is no Compose, or the engine does not answer: the run itself would fail in the same way.
    pub async fn look(engine: &Engine, slots: u16) -> Result<Self, ClusterError> {
        let (compose, found, images) = tokio::try_join!(Compose::find(), leftovers(engine), images::survey(engine))?;
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
            clusters: (0..slots).map(|slot| PlannedCluster::of(slot, &compose)).collect(),
            kept: of(Fate::Kept),
            orphaned: of(Fate::Orphaned),
        })
    }

    /// The pods that a run's clusters would have.
    pub fn pods() -> Vec<PodName> {
        let pods = services(PODS_MAX).into_iter().filter_map(|service| match service {
            Service::Pod(name) => Some(name),
            Service::Postgres | Service::Nats | Service::MockAi | Service::Links => None,
        });
        pods.collect()
    }
}

impl PlannedCluster {
    fn of(slot: u16, compose: &Compose) -> Self {
        let project = project_name(RUN, slot);
        // v1 joins the words of a container's name by another character.
        let joint = if compose.version().trim_start_matches('v').starts_with("1.") {
            '_'
        } else {
            '-'
        };
        let containers = compose_services(PODS_MAX)
            .into_iter()
            .map(|service| format!("{project}{joint}{service}{joint}1"));
        Self {
            containers: containers.collect(),
            network: format!("{project}_default"),
            volumes: VOLUMES.map(|volume| format!("{project}_{volume}")).to_vec(),
            project,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::workspace::workspace_root;

    /// A service that is not previewed would be brought up all the same.
    #[test]
    fn services_network_and_volumes_are_the_compose_files() {
        let file = workspace_root().join("compose/docker-compose.yml");
        let text = std::fs::read_to_string(file).expect("the compose file");
        let section = |name: &str| -> Vec<&str> {
            let lines = text.lines().skip_while(|line| *line != format!("{name}:")).skip(1);
            let own = lines.take_while(|line| line.is_empty() || line.starts_with([' ', '#']));
            let keys = own.filter(|line| !line.starts_with("   ") && !line.trim_start().starts_with('#'));
            keys.filter_map(|line| Some(line.trim().split_once(':')?.0)).collect()
        };
        assert_eq!(section("volumes"), VOLUMES);
        assert_eq!(section("networks"), ["default"]);
        assert_eq!(section("services"), compose_services(PODS_MAX));
    }

    #[test]
    fn the_pods_are_those_of_a_cluster_in_its_order() {
        assert_eq!(Preview::pods(), ["pod-1", "pod-2", "pod-3"].map(PodName::from));
    }
}
