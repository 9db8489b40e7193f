//! The environment that describes a cluster to the compose file.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::images::image::Images;
use crate::cluster::lock::folder::host_name;
use crate::cluster::lock::run_lock::RunTag;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::service::Service;
use crate::cluster::spec::{ClusterSpec, SETTINGS, project_name, services};

/// Time beyond the pods' own drain grace before the engine kills them.
const STOP_MARGIN: Duration = Duration::from_secs(10);

/// The engines' words for a port that is in use.
const TAKEN: [&str; 2] = ["port is already allocated", "address already in use"];

/// A checked spec, as variables for Compose.
#[derive(Debug)]
pub(in crate::cluster) struct Setup {
    /// The compose file, below the workspace.
    file: &'static str,
    project: String,
    services: Vec<String>,
    variables: BTreeMap<String, String>,
}

impl Setup {
    /// The container of a trial.
    pub(in crate::cluster) fn of_trial(run: &RunTag, image: &str) -> Self {
        let variables = [
            ("CROSSPOD_RUN", run.id().to_string()),
            ("CROSSPOD_HOST", host_name()),
            ("CROSSPOD_LOCK", run.lock().display().to_string()),
            ("CROSSPOD_LOCK_FOLDER", run.lock_folder().to_owned()),
            ("CROSSPOD_IMAGE_TRIAL", image.to_owned()),
        ];
        Self {
            file: "compose/doctor.yml",
            project: project_name(run.id().as_str(), 0),
            services: vec!["trial".to_owned()],
            variables: variables.map(|(name, value)| (name.to_owned(), value)).into(),
        }
    }

    pub(in crate::cluster) fn file(&self) -> &'static str {
        self.file
    }

    pub(in crate::cluster) fn project(&self) -> &str {
        &self.project
    }

    pub(in crate::cluster) fn services(&self) -> impl Iterator<Item = &str> {
        self.services.iter().map(String::as_str)
    }

    pub(in crate::cluster) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl ClusterSpec {
    /// Everything that Compose needs to know of a spec that was checked.
    pub(in crate::cluster) fn setup(&self, engine: &Engine, images: &Images) -> Setup {
        let (uid, gid) = engine.own_user();
        let mut variables: BTreeMap<String, String> = BTreeMap::from([
            ("CROSSPOD_RUN".into(), self.run.id().to_string()),
            ("CROSSPOD_SLOT".into(), self.slot.to_string()),
            ("CROSSPOD_KEPT".into(), self.kept.to_string()),
            ("CROSSPOD_HOST".into(), host_name()),
            ("CROSSPOD_LOCK".into(), self.run.lock().display().to_string()),
            ("CROSSPOD_LOCK_FOLDER".into(), self.run.lock_folder().to_owned()),
            ("CROSSPOD_UID".into(), uid.to_string()),
            ("CROSSPOD_GID".into(), gid.to_string()),
            ("CROSSPOD_DESIGN".into(), self.design.clone()),
            ("CROSSPOD_DEFECTS".into(), self.defects.join(",")),
            ("CROSSPOD_FAILPOINTS".into(), u8::from(self.failpoints).to_string()),
            (
                "CROSSPOD_POSTGRES_PORT".into(),
                self.postgres_port.map(|port| port.to_string()).unwrap_or_default(),
            ),
            (
                "CROSSPOD_STOP_GRACE".into(),
                format!("{}s", (self.drain_grace() + STOP_MARGIN).as_secs()),
            ),
        ]);
        // Every setting is set, so that nothing of the caller's environment leaks into the cluster.
        for (name, suite_value) in SETTINGS {
            let value = self.settings.get(name).map_or(suite_value, String::as_str);
            variables.insert(format!("CROSSPOD_{name}"), value.to_owned());
        }
        variables.extend(images.variables());
        Setup {
            file: "compose/docker-compose.yml",
            project: self.project(),
            services: compose_services(self.pods),
            variables,
        }
    }

    /// Refuses a port that another program of this machine uses. Without an engine on this machine nothing is checked.
    pub(in crate::cluster) fn check_port(&self, engine: &Engine) -> Result<(), ClusterError> {
        let Some(port) = self.postgres_port.filter(|_| engine.is_here()) else {
            return Ok(());
        };
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => Err(port_in_use(port)),
            // The engine may be permitted to bind a port that this user may not.
            _ => Ok(()),
        }
    }

    /// Turns Compose's failure over a port into [`ClusterError::PortInUse`]: some engines hold ports without a socket, so that
    /// [`ClusterSpec::check_port`] cannot see them.
    pub(in crate::cluster) fn explain(&self, error: ClusterError) -> ClusterError {
        match (&error, self.postgres_port) {
            (ClusterError::Command { stderr, .. }, Some(port)) if TAKEN.iter().any(|sign| stderr.contains(sign)) => {
                port_in_use(port)
            }
            _ => error,
        }
    }
}

/// The services of a cluster in the compose file, in its order: its parts, and the sandboxes that the pods join.
pub(in crate::cluster) fn compose_services(pods: u8) -> Vec<String> {
    let (pods, stores): (Vec<Service>, Vec<Service>) = services(pods)
        .into_iter()
        .partition(|service| matches!(service, Service::Pod(_)));
    let stores = stores.iter().map(|store| store.name().to_owned());
    let sandboxes = (1..=pods.len()).map(|number| format!("sandbox-{number}"));
    let pods = pods.iter().map(|pod| pod.name().to_owned());
    stores.chain(sandboxes).chain(pods).collect()
}

fn port_in_use(port: u16) -> ClusterError {
    ClusterError::PortInUse {
        service: Service::Postgres,
        port,
    }
}
