//! A run's site, and its sessions: clusters of one setting, on which any number of stories is played.
//!
//! Whatever happens, [`Site::clear`] takes away what the run has brought up: it goes by label and needs no cluster that
//! came up whole.

pub(in crate::run) mod dry_run;
pub(in crate::run) mod matrix;
pub(in crate::run) mod options;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::Instant;

use futures_util::future::try_join_all;
use serde_json::json;
use tokio::sync::{Mutex, Semaphore};

use super::RunError;
use super::play::{self, Order};
use super::slot::Slot;
use super::story::Story;
use crate::cluster::{
    AllowedHosts, Cluster, ClusterSpec, Engine, Progress, RunLock, remove_half_made, remove_leftovers, remove_project,
};
use crate::report::{RunFigures, RunFolder, RunReport, START, StoryFigures, StoryReport};
use crate::system::System;
use crate::verdict::{Finding, Judgement, Verdict};

/// What a session's pods are.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Inside design.
    pub design: String,
    /// Defect that is switched on, if any.
    pub defect: Option<String>,
    /// How many clusters stories are played on side by side.
    pub slots: u16,
}

/// Where a run takes place: an engine, the run's name on it, and what it has brought up there.
pub struct Site {
    engine: Engine,
    lock: RunLock,
    folder: RunFolder,
    /// Clusters that were asked for, by project, and whether they came up whole.
    brought_up: Mutex<BTreeMap<String, bool>>,
    next_slot: AtomicU16,
    /// Clusters that were there before and stay: what a story has broken there is put right at the end.
    borrowed: Mutex<Vec<SharedSlot>>,
}

/// A slot that is shared by the play on it and whoever takes it down.
type SharedSlot = Arc<Slot>;

/// Clusters of one setting that are up.
pub struct Session {
    slots: Vec<SharedSlot>,
    free: Mutex<VecDeque<SharedSlot>>,
    permits: Semaphore,
    folder: RunFolder,
    setting: Setting,
    cold_start_ms: f64,
    played: AtomicUsize,
}

impl Site {
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
            brought_up: Mutex::default(),
            next_slot: AtomicU16::new(0),
            borrowed: Mutex::default(),
        })
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
        let system = Arc::new(System::reference());
        let folder = part.map_or_else(|| Ok(self.folder.clone()), |part| self.folder.part(part))?;
        let mut slots = Vec::new();
        for _ in 0..setting.slots {
            slots.push(self.slot(setting, &system, progress).await?);
        }
        folder.write_json("environment.json", &self.environment(setting, &slots))?;
        Ok(Session {
            free: Mutex::new(slots.iter().cloned().collect()),
            permits: Semaphore::new(slots.len()),
            slots,
            folder,
            setting: setting.clone(),
            cold_start_ms: begun.elapsed().as_secs_f64() * 1000.0,
            played: AtomicUsize::new(0),
        })
    }

    /// One cluster of the setting: a kept one that will do, or a new one.
    async fn slot(
        &self,
        setting: &Setting,
        system: &Arc<System>,
        progress: &dyn Progress,
    ) -> Result<SharedSlot, RunError> {
        let number = self.next_slot.fetch_add(1, Ordering::Relaxed);
        let mut spec = ClusterSpec::new(&self.lock, number);
        spec.design.clone_from(&setting.design);
        spec.defects = setting.defect.iter().cloned().collect();
        if let Some(kept) = Cluster::kept(&self.engine, &spec, progress).await? {
            let slot = Arc::new(Slot::connect(kept, system.clone()).await?);
            self.borrowed.lock().await.push(slot.clone());
            return Ok(slot);
        }
        self.brought_up.lock().await.insert(spec.project(), false);
        let cluster = Cluster::up(&self.engine, &spec, progress).await?;
        self.brought_up.lock().await.insert(spec.project(), true);
        Ok(Arc::new(Slot::connect(cluster, system.clone()).await?))
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

    /// What the run runs on: what somebody needs who wonders why it went differently elsewhere.
    fn environment(&self, setting: &Setting, slots: &[SharedSlot]) -> serde_json::Value {
        let images: BTreeMap<String, String> = slots
            .iter()
            .flat_map(|slot| slot.cluster.images())
            .map(|image| (image.service.to_string(), format!("{} {}", image.reference, image.id)))
            .collect();
        json!({
            "crosspod": env!("CARGO_PKG_VERSION"),
            "engine": self.engine.version(),
            "api": self.engine.api_version(),
            "processors": self.engine.cpus(),
            "images": images,
            "design": setting.design,
            "defect": setting.defect,
            "slots": slots.len(),
        })
    }
}

impl Session {
    /// Plays a story on the first free cluster.
    pub async fn play(&self, story: &Story, seed: u64) -> StoryReport {
        let Ok(_permit) = self.permits.acquire().await else {
            unreachable!("the semaphore is never closed")
        };
        let asked_at = Instant::now();
        let Some(slot) = self.free.lock().await.pop_front() else {
            unreachable!("a permit is a free slot")
        };
        let done = self.play_on(&slot, story, seed, asked_at).await;
        self.free.lock().await.push_back(slot);
        done
    }

    async fn play_on(&self, slot: &SharedSlot, story: &Story, seed: u64, asked_at: Instant) -> StoryReport {
        let number = self.played.fetch_add(1, Ordering::Relaxed) + 1;
        let (design, defect) = (self.setting.design.as_str(), self.setting.defect.as_deref());
        match self.folder.play(story.name, number) {
            Ok(folder) => {
                let order = Order {
                    story,
                    seed,
                    design,
                    defect,
                    folder: &folder,
                    asked_at,
                };
                play::play(slot, &order).await
            }
            Err(e) => play::unplayed(story.name, design, defect, seed, e.to_string()),
        }
    }

    /// The run's report from what was played; also kept in the run's folder.
    ///
    /// # Errors
    /// It cannot be kept.
    pub fn report(&self, seed: u64, played: Vec<StoryReport>) -> Result<RunReport, RunError> {
        let stories: Vec<StoryReport> = self.start_report(seed).into_iter().chain(played).collect();
        let figures = RunFigures::of_stories(stories.iter().map(|s| &s.figures), Some(self.cold_start_ms));
        let report = RunReport::new(seed, stories, figures);
        self.folder.write_json("verdict.json", &report)?;
        Ok(report)
    }

    /// What the clusters' start itself has shown: pods that ended by themselves beside the others. None where all came up.
    pub fn start_report(&self, seed: u64) -> Option<StoryReport> {
        let deaths = self.slots.iter().flat_map(|slot| slot.cluster.boot_deaths());
        let findings: Vec<Finding> = deaths
            .map(|death| Finding {
                promise: "DependencySelfHeal".into(),
                subject: death.pod.to_string(),
                event: 0,
                expected: "a pod that comes up beside the others".into(),
                got: format!("it came up only when it was started again: {}", death.seen),
                fault: None,
                owner_before: None,
                owner_after: None,
            })
            .collect();
        let judgement = Judgement {
            reason: Some("a pod ended while the cluster was started".into()),
            findings,
            ..Judgement::bare(Verdict::Fail)
        };
        let (design, defect) = (self.setting.design.as_str(), self.setting.defect.as_deref());
        let figures = StoryFigures::default();
        (!judgement.findings.is_empty()).then(|| StoryReport::new(START, design, defect, seed, judgement, figures))
    }

    /// Clusters that the run has.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// How to look at what the pods of the first cluster hold, for somebody who stops the world at a failure.
    ///
    /// # Errors
    /// Its database is not running.
    pub fn ways_to_look(&self) -> Result<Vec<String>, RunError> {
        self.slots.first().map_or(Ok(Vec::new()), |slot| slot.ways_to_look())
    }
}

/// Where artefacts of runs are kept: cargo's target folder.
pub fn artefacts() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target
        .unwrap_or_else(|| crate::cluster::workspace_root().join("target"))
        .join("crosspod")
}
