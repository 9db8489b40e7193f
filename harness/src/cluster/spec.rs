//! What a cluster is to be, and the environment that says so to the compose file.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::images::image::Images;
use crate::cluster::lock::run_lock::{RunLock, RunTag, host_name};
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::service::Service;

/// Pods that the compose file has.
pub const PODS_MAX: u8 = 3;
/// How long each part may take to get ready, unless the spec says otherwise.
pub const READY_BOUND: Duration = Duration::from_mins(1);
/// What Compose adds to the pods' own drain grace before the engine kills them.
const STOP_MARGIN: Duration = Duration::from_secs(10);
/// How engines say that a port is another's.
const TAKEN: [&str; 2] = ["port is already allocated", "address already in use"];
/// The settings of a pod that a spec may override, with the suite's values. The compose file has the same as defaults.
const SETTINGS: [(&str, &str); 9] = [
    ("HEARTBEAT_MS", "200"),
    ("LEASE_MS", "1000"),
    ("POLL_MS", "100"),
    ("PROGRESS_DEADLINE_MS", "3000"),
    ("SESSION_IDLE_MS", "3000"),
    ("DRAIN_GRACE_MS", "5000"),
    ("KEEPALIVE_MS", "1000"),
    ("MODEL", "gpt-4o-mini"),
    ("RUST_LOG", "info"),
];

/// What a cluster is to be. Make it with [`ClusterSpec::new`] and change the fields that matter.
#[derive(Debug, Clone)]
pub struct ClusterSpec {
    /// Run that the cluster belongs to.
    pub run: RunTag,
    /// Number of the slot within the run: each has its own project, network and stores.
    pub slot: u16,
    /// Whether it outlives its run: then only `down` removes it.
    pub kept: bool,
    /// The pods' design: `log`, `outbox` or `sticky`. An unknown one is refused by the pod itself.
    pub design: String,
    /// Defects that are switched on in every pod, by name. Unknown ones are refused by the pod itself.
    pub defects: Vec<String>,
    /// Whether the pods' failpoints can be armed. One that is not armed costs a pod a branch.
    pub failpoints: bool,
    /// How many pods, 1 to [`PODS_MAX`].
    pub pods: u8,
    /// Settings of the pods that differ from the suite's, by the pod's own name for them (`LEASE_MS`).
    pub settings: BTreeMap<String, String>,
    /// Port of 127.0.0.1 on which Postgres is published; none lets the engine choose a free one.
    pub postgres_port: Option<u16>,
    /// How long each part may take to get ready.
    pub ready_bound: Duration,
}

impl ClusterSpec {
    /// Slot `slot` of a run: three clean pods of the `log` design with the suite's timings, gone with the run.
    pub fn new(run: &RunLock, slot: u16) -> Self {
        Self {
            run: run.tag().clone(),
            slot,
            kept: false,
            design: "log".into(),
            defects: Vec::new(),
            failpoints: true,
            pods: PODS_MAX,
            settings: BTreeMap::new(),
            postgres_port: None,
            ready_bound: READY_BOUND,
        }
    }

    /// Name of the Compose project: different for each run and slot.
    pub fn project(&self) -> String {
        project_name(self.run.id().as_str(), self.slot)
    }

    /// Works out everything that Compose is told; the spec has been checked.
    pub(super) fn setup(&self, engine: &Engine, images: &Images) -> Setup {
        let (uid, gid) = engine.own_user();
        let mut variables: BTreeMap<String, String> = BTreeMap::from([
            ("CROSSPOD_RUN".into(), self.run.id().to_string()),
            ("CROSSPOD_SLOT".into(), self.slot.to_string()),
            ("CROSSPOD_KEPT".into(), self.kept.to_string()),
            ("CROSSPOD_HOST".into(), host_name()),
            ("CROSSPOD_LOCK".into(), self.run.lock().display().to_string()),
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
        // Every one is set, so that nothing of the caller's environment leaks into the cluster.
        for (name, suite_value) in SETTINGS {
            let value = self.settings.get(name).map_or(suite_value, String::as_str);
            variables.insert(format!("CROSSPOD_{name}"), value.to_owned());
        }
        variables.extend(images.variables());
        Setup {
            project: self.project(),
            services: compose_services(self.pods),
            variables,
        }
    }

    fn drain_grace(&self) -> Duration {
        let text = self.settings.get("DRAIN_GRACE_MS").map_or("5000", String::as_str);
        Duration::from_millis(text.parse().unwrap_or(5000)).max(Duration::from_secs(1))
    }

    /// Refuses what the compose file cannot do.
    pub(super) fn check(&self) -> Result<(), ClusterError> {
        let spec = |what: String, why: String| Err(ClusterError::Spec { what, why });
        if !(1..=PODS_MAX).contains(&self.pods) {
            return spec(
                format!("a cluster of {} pods", self.pods),
                format!("the compose file has 1 to {PODS_MAX}"),
            );
        }
        for (name, value) in &self.settings {
            if !SETTINGS.iter().any(|(known, _)| known == name) {
                let known: Vec<&str> = SETTINGS.iter().map(|(known, _)| *known).collect();
                return spec(format!("the setting {name}"), format!("there are {}", known.join(", ")));
            }
            if name.ends_with("_MS") && value.parse::<u64>().is_err() {
                return spec(
                    format!("the setting {name}={value}"),
                    "it takes whole milliseconds".into(),
                );
            }
        }
        Ok(())
    }
}

impl ClusterSpec {
    /// Refuses a port that another program of this machine has. Seen from here only where the engine is here too.
    pub(super) fn check_port(&self, engine: &Engine) -> Result<(), ClusterError> {
        let Some(port) = self.postgres_port.filter(|_| engine.is_here()) else {
            return Ok(());
        };
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => Err(port_in_use(port)),
            // What this user may not bind, the engine perhaps may.
            _ => Ok(()),
        }
    }

    /// Puts Compose's failure in plain words where it is the port's: some engines hold ports without a socket, and then
    /// only they can tell.
    pub(super) fn explain(&self, error: ClusterError) -> ClusterError {
        match (&error, self.postgres_port) {
            (ClusterError::Command { stderr, .. }, Some(port)) if TAKEN.iter().any(|sign| stderr.contains(sign)) => {
                port_in_use(port)
            }
            _ => error,
        }
    }
}

/// Name of the Compose project of a run's slot.
pub(super) fn project_name(run: &str, slot: u16) -> String {
    format!("crosspod-{run}-{slot}")
}

/// The compose file's services of a cluster with so many pods, in its order: its parts, and the sandboxes that the pods join.
pub(super) fn compose_services(pods: u8) -> Vec<String> {
    let (pods, stores): (Vec<Service>, Vec<Service>) = services(pods)
        .into_iter()
        .partition(|service| matches!(service, Service::Pod(_)));
    let stores = stores.iter().map(|store| store.name().to_owned());
    let sandboxes = (1..=pods.len()).map(|number| format!("sandbox-{number}"));
    let pods = pods.iter().map(|pod| pod.name().to_owned());
    stores.chain(sandboxes).chain(pods).collect()
}

/// The parts of a cluster with so many pods.
pub(super) fn services(pods: u8) -> Vec<Service> {
    let stores = [Service::Postgres, Service::Nats, Service::MockAi, Service::Links];
    stores.into_iter().chain((1..=pods).map(Service::pod)).collect()
}

fn port_in_use(port: u16) -> ClusterError {
    ClusterError::PortInUse {
        service: Service::Postgres,
        port,
    }
}

/// A checked spec, as Compose is told it.
#[derive(Debug)]
pub(super) struct Setup {
    project: String,
    services: Vec<String>,
    variables: BTreeMap<String, String>,
}

impl Setup {
    pub(super) fn project(&self) -> &str {
        &self.project
    }

    pub(super) fn services(&self) -> impl Iterator<Item = &str> {
        self.services.iter().map(String::as_str)
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::cluster::workspace::workspace_root;

    fn spec() -> ClusterSpec {
        ClusterSpec::new(&RunLock::begin().expect("a lock in the cache folder"), 4)
    }

    #[test]
    fn a_project_is_named_by_run_and_slot() {
        let spec = spec();
        assert_eq!(spec.project(), format!("crosspod-{}-4", spec.run.id()));
    }

    #[test]
    fn what_the_compose_file_cannot_do_is_refused_by_name() {
        let refused = |change: fn(&mut ClusterSpec)| {
            let mut spec = spec();
            change(&mut spec);
            spec.check().expect_err("refused").to_string()
        };
        assert!(refused(|spec| spec.pods = 4).contains("a cluster of 4 pods is not possible"));
        let unknown = refused(|spec| drop(spec.settings.insert("LEASE".into(), "1".into())));
        assert!(
            unknown.contains("the setting LEASE is not possible: there are HEARTBEAT_MS, LEASE_MS"),
            "{unknown}"
        );
        let unit = refused(|spec| drop(spec.settings.insert("LEASE_MS".into(), "1s".into())));
        assert!(unit.contains("whole milliseconds"), "{unit}");
    }

    /// The two halves of one contract: a setting that the file does not pass on would be silently without effect.
    #[test]
    fn every_setting_is_in_the_compose_file_with_the_same_default() {
        let file = workspace_root().join("compose/docker-compose.yml");
        let text = fs::read_to_string(file).expect("the compose file");
        for (name, value) in SETTINGS {
            let passed_on = format!("${{CROSSPOD_{name}:-{value}}}");
            assert!(text.contains(&passed_on), "{passed_on}");
        }
        assert!(
            text.contains("POD_FAILPOINTS: \"${CROSSPOD_FAILPOINTS:-0}\""),
            "off unless the harness asks"
        );
    }
}
