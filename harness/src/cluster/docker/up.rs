//! Bringing a cluster up from a spec, and finding one by its labels.

use std::time::{Duration, Instant};

use bollard::models::ContainerSummary;
use bollard::query_parameters::ListContainersOptions;
use futures_util::future::try_join_all;

use crate::cluster::docker::cluster::{BootDeath, Cluster, ServiceImage};
use crate::cluster::docker::compose::Compose;
use crate::cluster::docker::compose::generate::Generated;
use crate::cluster::docker::edge::{Edge, Surroundings};
use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::guard::Claim;
use crate::cluster::docker::engine::labels::{self, RunLabels};
use crate::cluster::docker::engine::removal::remove_stand_ins;
use crate::cluster::docker::handle::PartHandle;
use crate::cluster::docker::images::image::id_of;
use crate::cluster::docker::topology::{Source, Topology};
use crate::cluster::lock::cache::Cache;
use crate::cluster::lock::check_out::{check_out, forget_check_out};
use crate::cluster::lock::written::WrittenFile;
use crate::cluster::part::awaited::Awaited;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::Progress;
use crate::cluster::part::role::{Part, Role};
use crate::cluster::spec::{ClusterSpec, READY_BOUND};
use crate::history::PodName;

impl Cluster {
    /// Provides the images, starts the containers and waits until every part is ready.
    ///
    /// After an error the containers stay for inspection: remove them by [`ClusterSpec::project`] with
    /// [`remove_project`](crate::cluster::remove_project). The same goes for a future that is dropped half-way.
    ///
    /// # Errors
    /// An image is not available, or a part did not become ready; after a crash with its exit code and last lines.
    pub async fn up(engine: &Engine, spec: &ClusterSpec, progress: &dyn Progress) -> Result<Self, ClusterError> {
        spec.check_port(engine)?;
        let compose = Compose::find().await?;
        let source = Source::read(&compose, spec).await?;
        let images = source.images(engine, spec, progress).await?;
        let topology = source.topology(engine, spec, &images)?;
        let generated = &topology.generated;
        let began = Instant::now();
        let file = WrittenFile::write(&Cache::locate()?, &spec.project(), &generated.file)?;
        for remark in &generated.remarks {
            progress.step(&format!("{}: {remark}", spec.project()));
        }
        provide_built(engine, &compose, &file, generated, progress).await?;
        progress.step(&format!(
            "{}: starting {}",
            spec.project(),
            generated.services.join(", ")
        ));
        let claim = Claim::Run(spec.run.id().clone());
        if let Some(first) = &generated.first {
            let up = compose.up(engine, &file, first, progress).await;
            up.map_err(|error| spec.explain(error))?;
            Self::await_first(engine, spec, &claim, progress).await?;
        }
        let up = compose.up(engine, &file, &generated.services, progress).await;
        up.map_err(|error| spec.explain(error))?;
        let started = began.elapsed();
        let project = spec.project();
        let cluster = Self::find(engine, &project, &claim, spec.ready_bound).await?;
        let mut cluster = cluster.ok_or_else(|| no_cluster(&project))?;
        progress.step(&format!("{project}: started in {started:.1?}, awaiting readiness"));
        cluster.adopt(spec, &topology, &claim)?;
        let awaited = Awaited::default();
        let booted = Box::pin(cluster.boot(progress, &awaited));
        cluster.boot_deaths = awaited.told(&project, progress, booted).await?;
        progress.step(&format!("{project}: ready in {:.1?}", began.elapsed()));
        Ok(cluster)
    }

    /// Waits until the pod that boots alone serves.
    async fn await_first(
        engine: &Engine,
        spec: &ClusterSpec,
        claim: &Claim,
        progress: &dyn Progress,
    ) -> Result<(), ClusterError> {
        let project = spec.project();
        let begun = Self::find(engine, &project, claim, spec.ready_bound).await?;
        let begun = begun.ok_or_else(|| no_cluster(&project))?;
        let names: Vec<&str> = begun.pods.iter().map(PodName::as_str).collect();
        progress.step(&format!("{project}: {} boots before the other pods", names.join(", ")));
        let awaited = Awaited::default();
        let ready = Box::pin(begun.ready("while it booted alone", &awaited));
        awaited.told(&project, progress, ready).await
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
        for (part, container, image) in containers.into_iter().filter_map(part_of) {
            images.push(image);
            handles.push(PartHandle::claim(
                claim,
                project,
                engine.clone(),
                part,
                container,
                ready_bound,
            ));
        }
        let handles = try_join_all(handles).await?.into_iter();
        // A run that ended in the middle of an update has left them; the parts' own containers are there.
        remove_stand_ins(engine, project, None).await?;
        let mut parts: Vec<PartHandle> = handles.collect();
        parts.sort_by_cached_key(|part| (part.part().role, part.service().to_owned()));
        let pods = parts.iter().filter(|part| part.is_pod());
        let pods = pods.map(|pod| PodName::from(pod.service())).collect();
        Ok(Some(Self {
            engine: engine.clone(),
            project: project.to_owned(),
            pods,
            parts,
            images,
            file: run_labels.file,
            design: run_labels.design,
            defects: run_labels.defects,
            ready_bound,
            boot_deaths: Vec::new(),
            edge: None,
            short_graces: Vec::new(),
            _checked_out: checked_out,
        }))
    }

    /// Takes over what containers do not say of themselves: the edge, as the spec wants it.
    ///
    /// # Errors
    /// A file of the edge's configuration cannot be read.
    pub(super) fn adopt(&mut self, spec: &ClusterSpec, topology: &Topology, claim: &Claim) -> Result<(), ClusterError> {
        self.short_graces.clone_from(&topology.short_graces);
        let Some(wanted) = &spec.system.edge else { return Ok(()) };
        let around = Surroundings {
            engine: &self.engine,
            project: &self.project,
            claim,
            config: topology.generated.edge_config.as_deref(),
            candidate: &topology.generated.candidate,
            defects: &spec.defects,
            ready_bound: spec.ready_bound,
        };
        self.edge = Some(Edge::of(self.part(&wanted.part)?, wanted, &around)?);
        Ok(())
    }

    /// Waits until every part is ready for the first time, and every entry of the edge leads to the pods.
    async fn boot(&self, progress: &dyn Progress, awaited: &Awaited) -> Result<Vec<BootDeath>, ClusterError> {
        let deaths = self.boot_parts(progress, awaited).await?;
        if let Some(edge) = &self.edge {
            // Not before: an edge that has just taken over a configuration counts every pod as sound, and one that has looked while they
            // booted looks again only after a while.
            let what = format!("{} to take over its configuration", edge.part().service());
            awaited.during(what, edge.install()).await?;
        }
        self.entries_ready(awaited).await?;
        Ok(deaths)
    }

    /// Waits until every part is ready for the first time. A pod that ends instead is started once more, after the others have
    /// started: if it fails alone too, the set-up is wrong.
    async fn boot_parts(&self, progress: &dyn Progress, awaited: &Awaited) -> Result<Vec<BootDeath>, ClusterError> {
        let mut deaths: Vec<BootDeath> = Vec::new();
        loop {
            let died = match self.ready("at boot", awaited).await {
                Ok(()) => return Ok(deaths),
                Err(error) => error,
            };
            let ClusterError::Died { service, .. } = &died else {
                return Err(died);
            };
            let Some(pod) = self.pods.iter().find(|pod| pod.as_str() == service) else {
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

/// Builds the images of the user's that are not on the engine.
async fn provide_built(
    engine: &Engine,
    compose: &Compose,
    file: &WrittenFile,
    generated: &Generated,
    progress: &dyn Progress,
) -> Result<(), ClusterError> {
    let mut missing = Vec::new();
    for (service, tag) in &generated.builds {
        if id_of(engine, tag).await?.is_none() {
            missing.push(service.clone());
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(", ");
    progress.step(&format!(
        "{}: building the images of {names}: none of these sources is there",
        file.project()
    ));
    compose.build(engine, file, &missing, progress).await
}

fn part_of(container: ContainerSummary) -> Option<(Part, String, ServiceImage)> {
    let found = container.labels?;
    if found.contains_key(labels::STANDS_IN_FOR) {
        return None;
    }
    let part = Part::from_label(found.get(labels::SERVICE)?, found.get(labels::PART)?)?;
    // A job has ended before the pods started, and is not broken. A candidate is no part until a story starts it.
    if part.role == Role::Job || part.is_candidate {
        return None;
    }
    let reference = container.image.unwrap_or_default();
    let image = ServiceImage {
        service: part.service.clone(),
        reference,
        id: container.image_id.unwrap_or_default(),
    };
    Some((part, container.id?, image))
}

fn no_cluster(project: &str) -> ClusterError {
    ClusterError::NoSuchPart {
        service: "container".into(),
        project: project.to_owned(),
        has: "none, although Compose reported success; or another process uses the cluster".into(),
    }
}
