//! A live cluster: its parts, and the addresses at which they are reached.

use std::fs::File;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::{select_all, try_join_all};

use crate::cluster::docker::compose::grace::ShortGrace;
use crate::cluster::docker::edge::Edge;
use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::events::Events;
use crate::cluster::docker::engine::log_records::LogLine;
use crate::cluster::docker::engine::removal::{Removed, remove_project};
use crate::cluster::docker::handle::{PartHandle, ready};
use crate::cluster::part::awaited::Awaited;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::role::Role;
use crate::history::PodName;

/// A live cluster. Dropping it removes nothing: call [`Cluster::down`], or leave it to the next run.
#[derive(Debug)]
pub struct Cluster {
    pub(super) engine: Engine,
    pub(super) project: String,
    /// In order of their roles and names.
    pub(super) parts: Vec<PartHandle>,
    pub(super) pods: Vec<PodName>,
    pub(super) images: Vec<ServiceImage>,
    /// A hash of the compose file that it was brought up with.
    pub(super) file: String,
    pub(super) design: String,
    pub(super) defects: Vec<String>,
    pub(super) ready_bound: Duration,
    pub(super) boot_deaths: Vec<BootDeath>,
    pub(super) edge: Option<Edge>,
    pub(super) short_graces: Vec<ShortGrace>,
    /// Held for its lock alone, which keeps other processes from using the cluster.
    pub(super) _checked_out: File,
}

/// The image of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceImage {
    /// The part.
    pub service: String,
    /// Reference of its image.
    pub reference: String,
    /// Content address of its image.
    pub id: String,
}

/// A pod that ended by itself at its first start beside the others, and came up when it was started again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootDeath {
    /// The pod.
    pub pod: PodName,
    /// The error of its end: exit code, length of its life, last lines of its log.
    pub seen: String,
}

impl Cluster {
    /// The Compose project.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The image of each part.
    pub fn images(&self) -> &[ServiceImage] {
        &self.images
    }

    /// The design that its pods were started with.
    pub fn design(&self) -> &str {
        &self.design
    }

    /// The defects that its pods were started with.
    pub fn defects(&self) -> &[String] {
        &self.defects
    }

    /// The pods, in order of their names.
    pub fn pods(&self) -> &[PodName] {
        &self.pods
    }

    /// Pods that ended by themselves at their first start beside the others. That is a defect of theirs and not of the set-up:
    /// the user of the cluster has to report it.
    pub fn boot_deaths(&self) -> &[BootDeath] {
        &self.boot_deaths
    }

    /// Pods that whoever stops them kills in the middle of their drain. That is a mistake of the compose file or of the description:
    /// the user of the cluster has to report it.
    pub fn short_graces(&self) -> &[ShortGrace] {
        &self.short_graces
    }

    /// The way into the cluster that clients take. `None` if the description says no `[edge]`.
    pub fn edge(&self) -> Option<&Edge> {
        self.edge.as_ref()
    }

    /// The pod of that name.
    ///
    /// # Errors
    /// [`ClusterError::NoSuchPart`] if the cluster has none.
    pub fn pod(&self, name: &PodName) -> Result<PartHandle, ClusterError> {
        self.part(name.as_str())
    }

    /// The part of that name.
    ///
    /// # Errors
    /// [`ClusterError::NoSuchPart`] if the cluster has none of that name.
    pub fn part(&self, service: &str) -> Result<PartHandle, ClusterError> {
        let found = self.parts.iter().find(|part| part.service() == service);
        found.cloned().ok_or_else(|| self.no_such(service))
    }

    /// The first part in a role.
    ///
    /// # Errors
    /// [`ClusterError::NoSuchPart`] if the cluster has none in it.
    pub fn in_role(&self, role: Role) -> Result<PartHandle, ClusterError> {
        let found = self.parts.iter().find(|part| part.part().role == role);
        found
            .cloned()
            .ok_or_else(|| self.no_such(&format!("part in the role {role}")))
    }

    fn no_such(&self, wanted: &str) -> ClusterError {
        ClusterError::NoSuchPart {
            service: wanted.to_owned(),
            project: self.project.clone(),
            has: self
                .parts
                .iter()
                .map(PartHandle::service)
                .collect::<Vec<_>>()
                .join(", "),
        }
    }

    /// Longest until a part is ready.
    pub(in crate::cluster) fn ready_bound(&self) -> Duration {
        self.ready_bound
    }

    /// Every part, in a fixed order.
    pub fn parts(&self) -> impl Iterator<Item = &PartHandle> {
        self.parts.iter()
    }

    /// URL of the database's published port, for `psql` and tokio-postgres. Changes when Postgres is started again.
    pub fn postgres_url(&self) -> Result<String, ClusterError> {
        url_of(&self.in_role(Role::Postgres)?)
    }

    /// URL of a part that crosspod reads: as its description says, else by its role. Changes when the part is started again.
    ///
    /// # Errors
    /// There is no such part, it is away, or nothing says how it is read.
    pub fn url_of(&self, service: &str) -> Result<String, ClusterError> {
        url_of(&self.part(service)?)
    }

    /// Address of the provider's admin interface. Changes when the provider is started again.
    pub fn mock_admin(&self) -> Result<SocketAddr, ClusterError> {
        let part = self.in_role(Role::Provider)?;
        listens(&part, part.admin_address())
    }

    /// Address of the fault proxy's admin interface. Changes when the proxy is started again.
    pub fn links_admin(&self) -> Result<SocketAddr, ClusterError> {
        let part = self.in_role(Role::Links)?;
        listens(&part, part.admin_address())
    }

    /// The engine's events of the cluster's containers from now on. Call it on the runtime that reads them.
    pub fn events(&self) -> Events {
        Events::of_project(&self.engine, &self.project)
    }

    /// The whole log of a part, across restarts.
    pub async fn logs(&self, service: &str) -> Result<Vec<LogLine>, ClusterError> {
        self.part(service)?.logs().await
    }

    /// Removes the cluster with everything that it stored. May be called twice.
    pub async fn down(&self) -> Result<Removed, ClusterError> {
        remove_project(&self.engine, &self.project).await
    }

    /// Waits until every entry of the edge leads to every pod.
    pub(in crate::cluster) async fn entries_ready(&self, awaited: &Awaited) -> Result<(), ClusterError> {
        let Some(edge) = &self.edge else { return Ok(()) };
        let pods: Vec<String> = self.pods.iter().map(ToString::to_string).collect();
        edge.entries_ready(&pods, self.ready_bound, awaited).await
    }

    /// Waits until every part is ready. The first part that is late or ends meanwhile ends the wait, even one that was ready:
    /// the others may be waiting for it.
    pub(in crate::cluster) async fn ready(&self, while_what: &str, awaited: &Awaited) -> Result<(), ClusterError> {
        let ready = self.parts().map(|part| {
            let ready = part.ready(while_what, self.ready_bound);
            awaited.during(part.awaited(), ready)
        });
        let ready = try_join_all(ready);
        let deaths = self.parts().map(|part| Box::pin(ready::await_death(part, while_what)));
        tokio::select! {
            biased;
            ready = ready => ready.map(drop),
            (death, _, _) = select_all(deaths) => Err(death),
        }
    }
}

fn listens(part: &PartHandle, address: Option<SocketAddr>) -> Result<SocketAddr, ClusterError> {
    address.ok_or_else(|| part.not_running("a connection"))
}

fn url_of(part: &PartHandle) -> Result<String, ClusterError> {
    let address = listens(part, part.address())?;
    match (&part.part().url, part.part().role) {
        (Some(url), _) => Ok(url.replace("{at}", &address.to_string())),
        (None, Role::Redis) => Ok(format!("redis://{address}")),
        (None, Role::Nats) => Ok(format!("nats://{address}")),
        (None, _) => Err(ClusterError::Spec {
            what: format!("a connection to {}", part.service()),
            why: format!("parts.{} has no url in the description of the system", part.service()),
        }),
    }
}
