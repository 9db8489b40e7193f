//! The description of a wanted cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cluster::lock::run_lock::{RunLock, RunTag};
use crate::cluster::wanted::Wanted;
use crate::system::System;
use crate::system::language::UnknownName;

/// Longest until a part is ready, unless the spec has another bound.
pub const READY_BOUND: Duration = Duration::from_mins(1);

/// The description of a wanted cluster. Make it with [`ClusterSpec::new`] and change the fields that matter.
#[derive(Debug, Clone)]
pub struct ClusterSpec {
    /// Run that the cluster belongs to.
    pub run: RunTag,
    /// Number of the slot within the run: each has its own project, network and stores.
    pub slot: u16,
    /// True if it outlives its run; only `down` removes it then.
    pub kept: bool,
    /// The system that it is made of.
    pub system: Wanted,
    /// The pods' design, for `{design}` in their variables.
    pub design: String,
    /// Defects that are switched on in every pod, for `{defects}` in their variables. The pod itself refuses an unknown one.
    pub defects: Vec<String>,
    /// Variables of the pods that differ from the system's.
    pub variables: BTreeMap<String, String>,
    /// Port of 127.0.0.1 on which the database is published; `None` lets the engine choose a free one.
    pub postgres_port: Option<u16>,
    /// Longest until a part is ready.
    pub ready_bound: Duration,
}

impl ClusterSpec {
    /// Slot `slot` of a run: a system without defects, gone with the run.
    ///
    /// # Errors
    /// The description names a variable of the environment that is not set.
    pub fn new(run: &RunLock, slot: u16, system: &System) -> Result<Self, UnknownName> {
        Ok(Self {
            run: run.tag().clone(),
            slot,
            kept: false,
            system: Wanted::of(system)?,
            design: system.design_name().to_owned(),
            defects: Vec::new(),
            variables: BTreeMap::new(),
            postgres_port: None,
            ready_bound: READY_BOUND,
        })
    }

    /// The same with the first pods alone.
    #[must_use]
    pub fn with_pods(mut self, count: usize) -> Self {
        let services = &mut self.system.pods.services;
        let others = services.split_off(count.min(services.len()));
        self.system.left_out.extend(others);
        self
    }

    /// Name of the Compose project: different for each run and slot.
    pub fn project(&self) -> String {
        project_name(self.run.id().as_str(), self.slot)
    }

    /// The system with the variables that its pods get here.
    pub(in crate::cluster) fn rendered(&self) -> Wanted {
        let mut system = self.system.clone();
        let told = self.defects.iter().filter(|defect| system.pods.are_told(defect));
        let defects = told.map(String::as_str).collect::<Vec<_>>().join(",");
        let variables = &mut system.pods.variables;
        variables.extend(self.variables.clone());
        for value in variables.values_mut() {
            *value = value.replace("{design}", &self.design).replace("{defects}", &defects);
        }
        system
    }
}

/// Name of the Compose project of a run's slot.
pub(super) fn project_name(run: &str, slot: u16) -> String {
    format!("crosspod-{run}-{slot}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> ClusterSpec {
        let lock = RunLock::begin().expect("a lock in the cache folder");
        ClusterSpec::new(&lock, 4, &System::reference()).expect("it names no variable")
    }

    #[test]
    fn a_project_is_named_by_run_and_slot() {
        let spec = spec();
        assert_eq!(spec.project(), format!("crosspod-{}-4", spec.run.id()));
    }

    #[test]
    fn variables_of_the_spec_come_over_those_of_the_system() {
        let mut spec = spec();
        spec.defects = vec!["a".into(), "b".into()];
        spec.variables.insert("LEASE_MS".into(), "7".into());
        let variables = spec.rendered().pods.variables;
        assert_eq!((&*variables["POD_DEFECTS"], &*variables["POD_DESIGN"]), ("a,b", "log"));
        assert_eq!((&*variables["LEASE_MS"], &*variables["HEARTBEAT_MS"]), ("7", "200"));
        assert_eq!(variables["POD_NAME"], "{pod}", "that differs from pod to pod");
    }

    #[test]
    fn pods_that_are_not_wanted_are_left_out() {
        let system = spec().with_pods(2).system;
        assert_eq!(system.pods.services, ["pod-1", "pod-2"]);
        assert_eq!(system.left_out.into_iter().collect::<Vec<_>>(), ["pod-3"]);
    }
}
