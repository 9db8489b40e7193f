//! Bringing a cluster up from a spec, and finding one by its labels.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bollard::models::ContainerSummary;
use bollard::query_parameters::ListContainersOptions;
use futures_util::future::try_join_all;

use crate::cluster::docker::cluster::{BootDeath, Cluster, ServiceImage};
use crate::cluster::docker::compose::Compose;
use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::guard::Claim;
use crate::cluster::docker::engine::labels::{self, RunLabels};
use crate::cluster::docker::engine::removal::remove_stand_ins;
use crate::cluster::docker::handle::PartHandle;
use crate::cluster::docker::images;
use crate::cluster::lock::check_out::{check_out, forget_check_out};
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::Progress;
use crate::cluster::part::service::Service;
use crate::cluster::spec::{ClusterSpec, READY_BOUND};

impl Cluster {
    /// Provides the images, starts the containers and waits until every part is ready.
    ///
    /// After an error the containers stay for inspection: remove them by [`ClusterSpec::project`] with
    /// [`remove_project`](crate::cluster::remove_project). The same goes for a future that is dropped half-way.
    ///
    /// # Errors
    /// An image is not available, or a part did not become ready; after a crash with its exit code and last lines.
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

    /// Finds a kept cluster that is up, and checks it out for this process. Returns `None` if another process uses it, or if
    /// it is gone. Its parts may be in any state: see [`Cluster::heal`].
    ///
    /// # Errors
    /// [`ClusterError::NotOurs`] if it is not a kept cluster.
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
        let run_labels = containers
            .iter()
            .find_map(|container| RunLabels::read(container.labels.as_ref()?));
        let Some(run_labels) = run_labels else {
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
        // A run that ended in the middle of an update has left them; the parts' own containers are there.
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
            design: run_labels.design,
            defects: run_labels.defects,
            ready_bound,
            boot_deaths: Vec::new(),
            _checked_out: checked_out,
        }))
    }

    /// Waits until every part is ready for the first time. A pod that ends instead is started once more, after the others have
    /// started: if it fails alone too, the set-up is wrong.
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
        has: "none, although Compose reported success; or another process uses the cluster".into(),
    }
}
