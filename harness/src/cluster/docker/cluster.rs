//! A live cluster: brought up from a spec, or found again by its labels.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bollard::models::ContainerSummary;
use bollard::query_parameters::ListContainersOptions;
use futures_util::future::{select_all, try_join_all};

use crate::history::PodName;

use crate::cluster::docker::compose::Compose;
use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::events::Events;
use crate::cluster::docker::engine::guard::Claim;
use crate::cluster::docker::engine::labels::{self, Owner};
use crate::cluster::docker::engine::logs::LogLine;
use crate::cluster::docker::engine::removal::{Removed, remove_project, remove_stand_ins};
use crate::cluster::docker::handle::PartHandle;
use crate::cluster::docker::handle::ready;
use crate::cluster::docker::images;
use crate::cluster::lock::check_out::{check_out, forget_check_out};
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::Progress;
use crate::cluster::part::service::Service;
use crate::cluster::spec::{ClusterSpec, READY_BOUND};

/// A live cluster. It is not taken away on drop: call [`Cluster::down`], or leave it to the next run to find.
#[derive(Debug)]
pub struct Cluster {
    engine: Engine,
    project: String,
    parts: BTreeMap<Service, PartHandle>,
    pods: Vec<PodName>,
    images: Vec<ServiceImage>,
    design: String,
    defects: Vec<String>,
    ready_bound: Duration,
    boot_deaths: Vec<BootDeath>,
    // Keeps other processes from using the same cluster at the same time; held for its lock alone.
    _checked_out: File,
}

/// What a part runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceImage {
    /// Which part.
    pub service: Service,
    /// Name of its image.
    pub reference: String,
    /// Content address of its image.
    pub id: String,
}

/// A pod that ended by itself when it was first started beside the others, and came up when it was started again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootDeath {
    /// Which one.
    pub pod: PodName,
    /// What was seen: exit code, how long it had lived, its last lines.
    pub seen: String,
}

impl Cluster {
    /// Has the images, starts the containers and waits until every part is ready.
    ///
    /// Where it fails, what was started stays for whoever wants to look: take it away with [`remove_project`] and
    /// [`ClusterSpec::project`]. The same goes for a future that is dropped half-way.
    ///
    /// # Errors
    /// What could not be had or did not get ready, with the part's exit code and last lines where it crashed.
    pub async fn up(engine: &Engine, spec: &ClusterSpec, progress: &dyn Progress) -> Result<Self, ClusterError> {
        spec.check()?;
        spec.check_port(engine)?;
        let (images, compose) = tokio::try_join!(images::provide(engine, progress), Compose::find())?;
        let setup = spec.setup(engine, &images);
        let began = Instant::now();
        let names: Vec<&str> = setup.services().collect();
        progress.step(&format!("{}: starting {}", setup.project(), names.join(", ")));
        compose
            .up(engine, &setup, progress)
            .await
            .map_err(|error| spec.explain(error))?;
        let started = began.elapsed();
        let claim = Claim::Run(spec.run.id().clone());
        let cluster = Self::find(engine, setup.project(), &claim, spec.ready_bound).await?;
        let mut cluster = cluster.ok_or_else(|| no_cluster(setup.project()))?;
        progress.step(&format!(
            "{}: started in {started:.1?}, awaiting readiness",
            setup.project()
        ));
        cluster.boot_deaths = cluster.boot(progress).await?;
        progress.step(&format!("{}: ready in {:.1?}", setup.project(), began.elapsed()));
        Ok(cluster)
    }

    /// Finds a kept cluster that is up, and checks it out for this process. None where another process has it, or where it
    /// is gone. Whether its parts are well is for [`Cluster::heal`] to find out.
    ///
    /// # Errors
    /// [`ClusterError::NotOurs`] where it is not a kept one.
    pub(in crate::cluster) async fn attach(engine: &Engine, project: &str) -> Result<Option<Self>, ClusterError> {
        Self::find(engine, project, &Claim::Kept, READY_BOUND).await
    }

    async fn find(
        engine: &Engine,
        project: &str,
        claim: &Claim,
        ready_bound: Duration,
    ) -> Result<Option<Self>, ClusterError> {
        let Some(checked_out) = check_out(project)? else {
            return Ok(None);
        };
        let filters = Some(labels::of_project(project));
        let options = ListContainersOptions {
            all: true,
            filters,
            ..Default::default()
        };
        let listed = engine.docker().list_containers(Some(options)).await;
        let containers = listed.map_err(ClusterError::engine(format!("listing the containers of {project}")))?;
        let owner = containers
            .iter()
            .find_map(|container| Owner::read(container.labels.as_ref()?));
        let Some(owner) = owner else {
            forget_check_out(project)?;
            return Ok(None);
        };
        let (mut handles, mut images) = (Vec::new(), Vec::new());
        for (service, container, image) in containers.into_iter().filter_map(part_of) {
            images.push(image);
            handles.push(PartHandle::claim(
                claim,
                project,
                engine.clone(),
                service,
                container,
                ready_bound,
            ));
        }
        let handles = try_join_all(handles).await?.into_iter();
        // Of a run that ended in the middle of an update; the parts' own containers are there.
        remove_stand_ins(engine, project, None).await?;
        let parts: BTreeMap<Service, PartHandle> = handles.map(|part| (part.service().clone(), part)).collect();
        let pods = parts.keys().filter_map(|service| match service {
            Service::Pod(name) => Some(name.clone()),
            Service::Postgres | Service::Nats | Service::MockAi | Service::Links => None,
        });
        Ok(Some(Self {
            engine: engine.clone(),
            project: project.to_owned(),
            pods: pods.collect(),
            parts,
            images,
            design: owner.design,
            defects: owner.defects,
            ready_bound,
            boot_deaths: Vec::new(),
            _checked_out: checked_out,
        }))
    }

    /// The Compose project.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// What each part runs.
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

    /// Pods that ended by themselves at their first start beside the others. That is a fault of theirs, not of the set-up:
    /// whoever uses the cluster has to tell it.
    pub fn boot_deaths(&self) -> &[BootDeath] {
        &self.boot_deaths
    }

    /// The pod of that name.
    ///
    /// # Errors
    /// [`ClusterError::NoSuchPart`] where the cluster has none.
    pub fn pod(&self, name: &PodName) -> Result<PartHandle, ClusterError> {
        self.part(&Service::Pod(name.clone()))
    }

    /// Any part of the cluster.
    ///
    /// # Errors
    /// [`ClusterError::NoSuchPart`] where the cluster has none of that name.
    pub fn part(&self, service: &Service) -> Result<PartHandle, ClusterError> {
        self.parts
            .get(service)
            .cloned()
            .ok_or_else(|| ClusterError::NoSuchPart {
                service: service.to_string(),
                project: self.project.clone(),
                has: self.parts.keys().map(Service::name).collect::<Vec<_>>().join(", "),
            })
    }

    pub(in crate::cluster) fn ready_bound(&self) -> Duration {
        self.ready_bound
    }

    /// Every part, in a fixed order.
    pub fn parts(&self) -> impl Iterator<Item = &PartHandle> {
        self.parts.values()
    }

    /// URL of the database's published port, for `psql` and tokio-postgres. Changes when Postgres is started again.
    pub fn postgres_url(&self) -> Result<String, ClusterError> {
        let address = self.published(&Service::Postgres, 5432)?;
        Ok(format!("postgres://crosspod:crosspod@{address}/crosspod"))
    }

    /// Where the broker is for now. Changes when NATS is started again.
    pub fn nats_url(&self) -> Result<String, ClusterError> {
        Ok(format!("nats://{}", self.published(&Service::Nats, 4222)?))
    }

    /// Where the provider's admin interface is for now. Changes when the provider is started again.
    pub fn mock_admin(&self) -> Result<SocketAddr, ClusterError> {
        self.published(&Service::MockAi, 8081)
    }

    /// Where the fault proxy's admin interface is for now. Changes when it is started again.
    pub fn links_admin(&self) -> Result<SocketAddr, ClusterError> {
        self.published(&Service::Links, 8474)
    }

    /// What the engine sees happen to the cluster's containers, from now on. Needs the runtime that it is read on.
    pub fn events(&self) -> Events {
        Events::of_project(&self.engine, &self.project)
    }

    /// The whole log of a part, across restarts.
    pub async fn logs(&self, service: &Service) -> Result<Vec<LogLine>, ClusterError> {
        self.part(service)?.logs().await
    }

    /// Takes the cluster away with everything that it stored. May be called twice.
    pub async fn down(&self) -> Result<Removed, ClusterError> {
        remove_project(&self.engine, &self.project).await
    }

    /// Waits until every part is ready; the first that is not in time, or that ends meanwhile, ends the wait. One that was
    /// ready already counts as well: the others may be waiting for it.
    pub(in crate::cluster) async fn ready(&self, while_what: &str) -> Result<(), ClusterError> {
        let ready = try_join_all(self.parts().map(|part| part.ready(while_what, self.ready_bound)));
        let deaths = self.parts().map(|part| Box::pin(ready::await_death(part, while_what)));
        tokio::select! {
            biased;
            ready = ready => ready.map(drop),
            (death, _, _) = select_all(deaths) => Err(death),
        }
    }

    /// Waits until every part is ready for the first time. A pod that ends instead is started once more, now that the others
    /// are past their start: what it cannot do alone either is an error of the set-up.
    async fn boot(&self, progress: &dyn Progress) -> Result<Vec<BootDeath>, ClusterError> {
        let mut deaths: Vec<BootDeath> = Vec::new();
        loop {
            let died = match self.ready("at boot").await {
                Ok(()) => return Ok(deaths),
                Err(error) => error,
            };
            let ClusterError::Died {
                service: Service::Pod(pod),
                ..
            } = &died
            else {
                return Err(died);
            };
            if deaths.iter().any(|death| death.pod == *pod) {
                return Err(died);
            }
            progress.step(&format!(
                "{}: {pod} ended at its first start, starting it again",
                self.project
            ));
            let again = self.pod(pod)?;
            deaths.push(BootDeath {
                pod: pod.clone(),
                seen: died.to_string(),
            });
            again.start().await?;
        }
    }

    fn published(&self, service: &Service, port: u16) -> Result<SocketAddr, ClusterError> {
        let address = self.part(service)?.published(port);
        address.ok_or_else(|| ClusterError::NotRunning {
            service: service.clone(),
            doing: "a connection",
        })
    }
}

fn part_of(container: ContainerSummary) -> Option<(Service, String, ServiceImage)> {
    let found = container.labels?;
    if found.contains_key(labels::STANDS_IN_FOR) {
        return None;
    }
    let service = Service::parse(found.get(labels::SERVICE)?)?;
    let reference = container.image.unwrap_or_default();
    let image = ServiceImage {
        service: service.clone(),
        reference,
        id: container.image_id.unwrap_or_default(),
    };
    Some((service, container.id?, image))
}

fn no_cluster(project: &str) -> ClusterError {
    ClusterError::NoSuchPart {
        service: "container".into(),
        project: project.to_owned(),
        has: "none, though Compose reported success; or another process uses it".into(),
    }
}
