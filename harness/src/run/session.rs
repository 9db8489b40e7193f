//! A session: one run's clusters, on which any number of stories is played, and its artefacts.
//!
//! Whatever happens, [`Site::clear`] takes away what the run has brought up: it goes by label and needs no cluster that
//! came up whole.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::json;
use tokio::sync::{Mutex, Semaphore};

use super::RunError;
use super::play::{self, Order};
use super::slot::Slot;
use super::story::Story;
use crate::cluster::{
    Cluster, ClusterSpec, Engine, Progress, RunLock, remove_half_made, remove_leftovers, remove_project,
};
use crate::report::{RunFigures, RunFolder, RunReport, StoryReport};
use crate::target::Target;

/// What a run's pods are.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Inside design.
    pub design: String,
    /// Defect that is switched on, if any.
    pub defect: Option<String>,
    /// How many clusters stories are played on side by side.
    pub slots: u16,
}

/// Where a run takes place: an engine, and the run's name on it.
pub struct Site {
    engine: Engine,
    lock: RunLock,
    setting: Setting,
    came_up: AtomicBool,
    /// Clusters that were there before and stay: what a story has broken there is put right at the end.
    borrowed: Mutex<Vec<SharedSlot>>,
}

/// What came of one story.
pub struct StoryDone {
    /// Its report.
    pub report: StoryReport,
    /// Faults that were seen to take effect in it.
    pub faults: usize,
}

/// A slot that is shared by the play on it and whoever takes it down.
type SharedSlot = Arc<Slot>;

/// A run whose clusters are up.
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
    /// Finds the engine, names the run, and removes what dead runs have left behind.
    ///
    /// # Errors
    /// No engine answers, or something that is left behind does not go away.
    pub async fn find(setting: Setting, progress: &dyn Progress) -> Result<Self, RunError> {
        let engine = Engine::connect().await?;
        let lock = RunLock::begin()?;
        remove_leftovers(&engine, false, progress).await?;
        Ok(Self {
            engine,
            lock,
            setting,
            came_up: AtomicBool::new(false),
            borrowed: Mutex::default(),
        })
    }

    /// Brings the run's clusters up.
    ///
    /// # Errors
    /// One of them cannot be brought up or connected to.
    pub async fn open(&self, progress: &dyn Progress) -> Result<Session, RunError> {
        let begun = Instant::now();
        let target = Arc::new(Target::reference());
        let folder = RunFolder::create(&artefacts(), self.lock.id().as_str())?;
        let mut slots = Vec::new();
        for number in 0..self.setting.slots {
            let spec = self.spec(number);
            let kept = Cluster::kept(&self.engine, &spec, progress).await?;
            let is_kept = kept.is_some();
            let cluster = match kept {
                Some(kept) => kept,
                None => Cluster::up(&self.engine, &spec, progress).await?,
            };
            let slot = Arc::new(Slot::connect(cluster, target.clone()).await?);
            if is_kept {
                self.borrowed.lock().await.push(slot.clone());
            }
            slots.push(slot);
        }
        self.came_up.store(true, Ordering::Relaxed);
        folder.write_json("environment.json", &self.environment(&slots))?;
        Ok(Session {
            free: Mutex::new(slots.iter().cloned().collect()),
            permits: Semaphore::new(slots.len()),
            slots,
            folder,
            setting: self.setting.clone(),
            cold_start_ms: begun.elapsed().as_secs_f64() * 1000.0,
            played: AtomicUsize::new(0),
        })
    }

    /// Takes away everything that the run has brought up, however far that had got, and heals what it had found there.
    ///
    /// # Errors
    /// Something of it does not go away, or does not heal.
    pub async fn clear(&self) -> Result<(), RunError> {
        for slot in self.borrowed.lock().await.iter() {
            slot.heal().await?;
        }
        for number in 0..self.setting.slots {
            let project = self.spec(number).project();
            if self.came_up.load(Ordering::Relaxed) {
                remove_project(&self.engine, &project).await?;
            } else {
                remove_half_made(&self.engine, &project).await?;
            }
        }
        Ok(())
    }

    /// What the run runs on: what somebody needs who wonders why it went differently elsewhere.
    fn environment(&self, slots: &[SharedSlot]) -> serde_json::Value {
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
            "design": self.setting.design,
            "defect": self.setting.defect,
            "slots": slots.len(),
        })
    }

    fn spec(&self, number: u16) -> ClusterSpec {
        let mut spec = ClusterSpec::new(&self.lock, number);
        spec.design.clone_from(&self.setting.design);
        spec.defects = self.setting.defect.iter().cloned().collect();
        spec
    }
}

impl Session {
    /// Plays a story on the first free cluster.
    pub async fn play(&self, story: &Story, seed: u64) -> StoryDone {
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

    async fn play_on(&self, slot: &SharedSlot, story: &Story, seed: u64, asked_at: Instant) -> StoryDone {
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
                let played = play::play(slot, &order).await;
                StoryDone {
                    report: played.report,
                    faults: played.faults,
                }
            }
            Err(e) => StoryDone {
                report: play::unplayed(story.name, design, defect, seed, e.to_string()),
                faults: 0,
            },
        }
    }

    /// The run's report from what was played; also kept in the run's folder.
    ///
    /// # Errors
    /// It cannot be kept.
    pub fn report(&self, seed: u64, played: Vec<StoryDone>) -> Result<RunReport, RunError> {
        let faults = played.iter().map(|done| done.faults).sum();
        let stories: Vec<StoryReport> = played.into_iter().map(|done| done.report).collect();
        let figures = RunFigures::of_stories(stories.iter().map(|s| &s.figures), faults, Some(self.cold_start_ms));
        let report = RunReport::new(seed, stories, figures);
        self.folder.write_json("verdict.json", &report)?;
        Ok(report)
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
