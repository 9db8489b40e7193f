//! The description of a wanted cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cluster::lock::run_lock::{RunLock, RunTag};
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::service::Service;

/// Number of pods in the compose file.
pub const PODS_MAX: u8 = 3;
/// Longest until a part is ready, unless the spec has another bound.
pub const READY_BOUND: Duration = Duration::from_mins(1);
/// The settings of a pod that a spec may override, with the suite's values. The compose file has the same values as defaults.
pub(super) const SETTINGS: [(&str, &str); 9] = [
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

/// The description of a wanted cluster. Make it with [`ClusterSpec::new`] and change the fields that matter.
#[derive(Debug, Clone)]
pub struct ClusterSpec {
    /// Run that the cluster belongs to.
    pub run: RunTag,
    /// Number of the slot within the run: each has its own project, network and stores.
    pub slot: u16,
    /// True if it outlives its run; only `down` removes it then.
    pub kept: bool,
    /// The pods' design: `log`, `outbox` or `sticky`. The pod itself refuses an unknown one.
    pub design: String,
    /// Defects that are switched on in every pod, by name. The pod itself refuses an unknown one.
    pub defects: Vec<String>,
    /// True if the pods' failpoints can be armed. An unarmed failpoint costs a pod one branch.
    pub failpoints: bool,
    /// Number of pods, 1 to [`PODS_MAX`].
    pub pods: u8,
    /// Settings of the pods that differ from the suite's, by the pod's own names (`LEASE_MS`).
    pub settings: BTreeMap<String, String>,
    /// Port of 127.0.0.1 on which Postgres is published; `None` lets the engine choose a free one.
    pub postgres_port: Option<u16>,
    /// Longest until a part is ready.
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

    pub(super) fn drain_grace(&self) -> Duration {
        let text = self.settings.get("DRAIN_GRACE_MS").map_or("5000", String::as_str);
        Duration::from_millis(text.parse().unwrap_or(5000)).max(Duration::from_secs(1))
    }

    /// Refuses a spec that the compose file cannot fulfil.
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

/// Name of the Compose project of a run's slot.
pub(super) fn project_name(run: &str, slot: u16) -> String {
    format!("crosspod-{run}-{slot}")
}

/// The parts of a cluster with `pods` pods.
pub(super) fn services(pods: u8) -> Vec<Service> {
    let stores = [Service::Postgres, Service::Nats, Service::MockAi, Service::Links];
    stores.into_iter().chain((1..=pods).map(Service::pod)).collect()
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

    /// A setting that the file does not pass on would silently have no effect.
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
