//! A live run: its engine, its name there, and the clusters that it has brought up.
//!
//! [`LiveRun::clear`] removes everything that the run has brought up. It goes by label and also removes a cluster that did not
//! come up whole.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::Instant;

use futures_util::future::try_join_all;
use serde_json::json;
use tokio::sync::{Mutex, Semaphore};

use super::{Session, Setting, SharedSlot};
use crate::cluster::{
    AllowedHosts, Cluster, ClusterError, ClusterSpec, Engine, Progress, RunLock, project_logs, remove_half_made,
    remove_leftovers, remove_project,
};
use crate::report::{Conditions, Folder, RunFolder, START, VARIABLES};
use crate::run::error::RunError;
use crate::run::play::artefacts;
use crate::run::slot::Slot;

/// Where a run takes place: an engine, the run's name on it, and what it has brought up there.
pub struct LiveRun {
    engine: Engine,
    lock: RunLock,
    folder: RunFolder,
    conditions: Conditions,
    /// Clusters that were asked for, by project, and whether they came up whole.
    brought_up: Mutex<BTreeMap<String, bool>>,
    next_slot: AtomicU16,
    /// Clusters that were there before and stay: what a story has broken there is put right at the end.
    borrowed: Mutex<Vec<SharedSlot>>,
}

impl LiveRun {
    /// Finds the engine, where it is allowed, names the run, and removes what dead runs have left behind.
    ///
    /// # Errors
    /// No engine answers, it is on a host that is not allowed, something that is left behind does not go away, or the run's folder cannot be made.
    pub async fn find(allowed: &AllowedHosts, progress: &dyn Progress) -> Result<Self, RunError> {
        let engine = Engine::connect(allowed).await?;
        let lock = RunLock::begin()?;
        remove_leftovers(&engine, false, progress).await?;
        let folder = RunFolder::create(&artefacts(), lock.id().as_str())?;
        Ok(Self {
            engine,
            lock,
            folder,
            conditions: conditions(allowed),
            brought_up: Mutex::default(),
            next_slot: AtomicU16::new(0),
            borrowed: Mutex::default(),
        })
    }

    /// Variables and hosts that it is given beside its options.
    pub(in crate::run) fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Brings clusters up. Artefacts go into the run's folder, or where a `part` of the run is named, into a folder of that
    /// name in it.
    ///
    /// # Errors
    /// One of them cannot be brought up or connected to.
    pub async fn open(
        &self,
        setting: &Setting,
        part: Option<&str>,
        progress: &dyn Progress,
    ) -> Result<Session, RunError> {
        let begun = Instant::now();
        let folder = part.map_or_else(|| Ok(self.folder.clone()), |part| self.folder.part(part))?;
        let mut slots = Vec::new();
        for _ in 0..setting.slots {
            slots.push(self.slot(setting, &folder, progress).await?);
        }
        folder.write_json("environment.json", &self.environment(setting, &slots))?;
        Ok(Session {
            free: Mutex::new(slots.iter().cloned().collect()),
            permits: Semaphore::new(slots.len()),
            slots,
            folder,
            setting: setting.clone(),
            conditions: self.conditions.clone(),
            cold_start_ms: begun.elapsed().as_secs_f64() * 1000.0,
            played: AtomicUsize::new(0),
        })
    }

    /// One cluster of the setting: a kept one that will do, or a new one.
    async fn slot(
        &self,
        setting: &Setting,
        folder: &RunFolder,
        progress: &dyn Progress,
    ) -> Result<SharedSlot, RunError> {
        let number = self.next_slot.fetch_add(1, Ordering::Relaxed);
        let spec = spec_of(&self.lock, number, setting)?;
        if let Some(kept) = Cluster::kept(&self.engine, &spec, progress).await? {
            let slot = Arc::new(Slot::connect(kept, setting.system.clone()).await?);
            self.borrowed.lock().await.push(slot.clone());
            return Ok(slot);
        }
        self.brought_up.lock().await.insert(spec.project(), false);
        let cluster = match Cluster::up(&self.engine, &spec, progress).await {
            Ok(cluster) => cluster,
            Err(why) => return Err(self.not_up(why, &spec.project(), folder).await),
        };
        self.brought_up.lock().await.insert(spec.project(), true);
        Ok(Arc::new(Slot::connect(cluster, setting.system.clone()).await?))
    }

    /// Keeps the logs of a cluster that did not come up, and says where: its containers are about to be removed.
    async fn not_up(&self, why: ClusterError, project: &str, folder: &RunFolder) -> RunError {
        let logs = match project_logs(&self.engine, project).await {
            Ok(logs) if logs.is_empty() => return why.into(),
            Ok(logs) => logs,
            Err(error) => {
                tracing::warn!(project, %error, "the logs are not kept");
                return why.into();
            }
        };
        let folder = Folder::at(&folder.path().join(START));
        for (service, lines) in logs {
            if let Err(error) = artefacts::write_log(&folder, &format!("{service}.log"), &lines) {
                tracing::warn!(project, %error, "the logs are not kept");
                return why.into();
            }
        }
        RunError::NotUp {
            why: why.into(),
            logs: folder.path().to_owned(),
        }
    }

    /// Takes away what a session has brought up, before the run is over.
    ///
    /// # Errors
    /// Something of it does not go away.
    pub async fn close(&self, session: Session) -> Result<(), RunError> {
        for slot in &session.slots {
            let project = slot.cluster.project();
            if self.brought_up.lock().await.contains_key(project) {
                remove_project(&self.engine, project).await?;
                self.brought_up.lock().await.remove(project);
            }
        }
        Ok(())
    }

    /// Takes away everything that the run has brought up, however far that had got, and heals what it had found there.
    ///
    /// # Errors
    /// Something of it does not go away, or does not heal.
    pub async fn clear(&self) -> Result<(), RunError> {
        for slot in self.borrowed.lock().await.iter() {
            slot.heal().await?;
        }
        let brought_up = self.brought_up.lock().await.clone();
        let removals = brought_up.iter().map(|(project, is_whole)| async move {
            if *is_whole {
                remove_project(&self.engine, project).await
            } else {
                remove_half_made(&self.engine, project).await
            }
        });
        try_join_all(removals).await?;
        self.brought_up.lock().await.clear();
        Ok(())
    }

    /// The environment of the run. It helps to explain why a run went differently elsewhere.
    fn environment(&self, setting: &Setting, slots: &[SharedSlot]) -> serde_json::Value {
        let images: BTreeMap<String, String> = slots
            .iter()
            .flat_map(|slot| slot.cluster.images())
            .map(|image| (image.service.clone(), format!("{} {}", image.reference, image.id)))
            .collect();
        json!({
            "crosspod": env!("CARGO_PKG_VERSION"),
            "engine": self.engine.version(),
            "api": self.engine.api_version(),
            "processors": self.engine.cpus(),
            "images": images,
            "system": setting.system.name(),
            "description": setting.system.choice.file,
            "design": setting.system.design,
            "profile": setting.system.profile,
            "defect": setting.defect,
            "slots": slots.len(),
        })
    }
}

/// The cluster of a setting's slot.
///
/// # Errors
/// The description names a variable of the environment that is not set.
pub(super) fn spec_of(lock: &RunLock, number: u16, setting: &Setting) -> Result<ClusterSpec, RunError> {
    let mut spec = ClusterSpec::new(lock, number, &setting.system).map_err(RunError::Unset)?;
    spec.defects = setting.defect.iter().cloned().collect();
    Ok(spec)
}

/// Variables and hosts that a run of this process is given beside its options.
pub fn conditions(allowed: &AllowedHosts) -> Conditions {
    let set = |name: &&str| Some(((*name).to_owned(), std::env::var(name).ok()?));
    Conditions {
        environment: VARIABLES
            .iter()
            .filter_map(set)
            .filter(|(_, value)| !value.is_empty())
            .collect(),
        hosts: allowed.names().map(ToString::to_string).collect(),
    }
}

/// Where artefacts of runs are kept: cargo's target folder.
pub fn artefacts() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target
        .unwrap_or_else(|| crate::system::load::workspace::workspace_root().join("target"))
        .join("crosspod")
}
