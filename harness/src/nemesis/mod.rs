//! What breaks things: one fault a file, each from being aimed, through the proof that it took effect, to being healed.
//!
//! A fault that cannot be seen to have taken effect is an error, never silently done. After it landed, owner and epoch are
//! read again: it hit what it was aimed at, or the owner had moved, or the turn was over. Deliberately absent: choosing
//! when (stories do, by what watchers see and where the provider's gates hold), and judging (`checkers`).

mod admin;
mod link;
mod nats;
mod pod;
mod postgres;
mod process;
mod resources;
mod storage;

pub use admin::AdminError;
pub use link::{Link, LinkCut, LinkFault, Way};
pub use pod::clock_shifted::Shift;
pub use pod::hold::{Armed, Failpoint, Held, NoHold};
pub use resources::cpu_throttled::Throttled;
pub use storage::disk_full::clear_disk;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cluster::{ClusterError, PartHandle};
use crate::history::writer::Recorder;
use crate::history::{Epoch, FaultEvent, FaultStep, Landing, PodName, Status, ThreadId, What};
use crate::system::log_store::StoreError;
use crate::system::owner::{DatabaseError, Owners};
use crate::system::sessions::Occupier;

/// An owner, as read from the database: what a fault is aimed at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aim {
    /// Thread whose owner it is.
    pub thread: ThreadId,
    /// The owner.
    pub owner: PodName,
    /// The thread's epoch under this owner.
    pub epoch: Epoch,
}

/// A fault that could not be injected, seen or healed. The run proves nothing then.
#[derive(Debug, thiserror::Error)]
pub enum NemesisError {
    /// The engine, the kernel or the database refused.
    #[error("{fault} on {target}: {source}")]
    Refused {
        /// The fault.
        fault: Cow<'static, str>,
        /// What it was aimed at.
        target: PodName,
        /// What was refused.
        source: Refusal,
    },
    /// It was injected or healed, and that was not to be seen.
    #[error("{fault} on {target}: {seen}")]
    Unseen {
        /// The fault.
        fault: Cow<'static, str>,
        /// What it was aimed at.
        target: PodName,
        /// What was seen instead.
        seen: String,
    },
    /// Owner and epoch could not be read again after the fault landed.
    #[error("{fault} on {target} landed, but where cannot be said: {source}")]
    Landing {
        /// The fault.
        fault: Cow<'static, str>,
        /// What it was aimed at.
        target: PodName,
        /// Why not.
        source: DatabaseError,
    },
}

/// Who refused, and what.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The engine or the kernel.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The fault proxy.
    #[error("the fault proxy: {0}")]
    Links(#[from] crosspod_links::client::ClientError),
    /// A pod's admin port.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The broker.
    #[error(transparent)]
    Log(#[from] StoreError),
}

/// Injects faults and keeps the record of each.
pub struct Nemesis {
    owners: Arc<Owners>,
    recorder: Recorder,
    /// Faults in force, in the order of their injection.
    in_force: Vec<InForce>,
    /// Pods that may hold at a failpoint, or do.
    armed: Vec<pod::hold::Arming>,
    /// Pods whose volume is full.
    full: Vec<storage::disk_full::Full>,
    /// Sessions that leave the database no place for others.
    occupiers: Vec<Occupier>,
    /// Pods whose clock may be shifted.
    shifted: Vec<PartHandle>,
    count: u32,
}

/// A fault that is not healed yet.
#[derive(Debug, Clone)]
struct InForce {
    id: u32,
    fault: Cow<'static, str>,
    target: PodName,
    /// Whether it is a link's.
    of_link: bool,
}

impl InForce {
    /// Whether it is healed when its target, which this must be, was started again or put right.
    fn goes_with(&self, target: &PodName) -> bool {
        self.target == *target && self.fault != storage::disk_full::DISK_FULL
    }
}

impl Nemesis {
    /// A nemesis that records into `recorder` and reads landings through `owners`.
    pub fn new(owners: Arc<Owners>, recorder: Recorder) -> Self {
        Self {
            owners,
            recorder,
            in_force: Vec::new(),
            armed: Vec::new(),
            full: Vec::new(),
            occupiers: Vec::new(),
            shifted: Vec::new(),
            count: 0,
        }
    }

    /// Says that what is in force on `target` is about to be healed: from here on it may serve again. A disk that is full
    /// stays so, whatever becomes of the pod.
    pub fn healing(&self, target: &PodName) {
        for fault in self.in_force.iter().filter(|f| f.goes_with(target)) {
            self.tell(fault, FaultStep::Healing);
        }
    }

    /// Says that everything in force on `target` is healed; called when the target was seen to serve again.
    pub fn healed(&mut self, target: &PodName) {
        let (healed, left) = std::mem::take(&mut self.in_force)
            .into_iter()
            .partition(|f: &InForce| f.goes_with(target));
        self.in_force = left;
        let healed: Vec<InForce> = healed;
        for fault in healed {
            self.tell(&fault, FaultStep::Healed);
        }
    }

    /// Says that one fault is about to be healed, whatever else is in force on its target.
    fn mending(&self, fault: &InForce) {
        self.tell(fault, FaultStep::Healing);
    }

    /// Says that one fault is healed, whatever else is in force on its target.
    fn mended(&mut self, fault: &InForce) {
        self.in_force.retain(|other| other.id != fault.id);
        self.tell(fault, FaultStep::Healed);
    }

    /// Whether a fault of this name is in force on anything.
    fn has_in_force(&self, fault: &str) -> bool {
        self.in_force.iter().any(|other| other.fault == fault)
    }

    /// Pods and dependencies that a fault is in force on.
    pub fn wounded(&self) -> impl Iterator<Item = &PodName> {
        self.in_force.iter().map(|f| &f.target)
    }

    fn aimed(&mut self, fault: impl Into<Cow<'static, str>>, target: &PartHandle, aim: Option<&Aim>) -> InForce {
        self.count += 1;
        let in_force = InForce {
            id: self.count,
            fault: fault.into(),
            target: name(target),
            of_link: false,
        };
        self.in_force.push(in_force.clone());
        let (thread, epoch) = (aim.map(|a| a.thread.clone()), aim.map(|a| a.epoch));
        self.tell(&in_force, FaultStep::Aimed { thread, epoch });
        in_force
    }

    /// The fault in force on a part; a story ends only what it began.
    fn in_force_on(&self, fault: &'static str, target: &PartHandle) -> InForce {
        let target = name(target);
        let found = self.find_in_force(fault, &target);
        found.unwrap_or_else(|| panic!("a story ends a {fault} on {target} that it did not begin"))
    }

    fn find_in_force(&self, fault: &str, target: &PodName) -> Option<InForce> {
        let mut in_force = self.in_force.iter();
        in_force.find(|f| f.fault == fault && f.target == *target).cloned()
    }

    fn observed(&self, fault: &InForce, proof: &str, trigger: Option<Instant>) {
        self.observed_after(fault, proof, trigger.map(|trigger| trigger.elapsed()));
    }

    /// A fault was seen to have taken effect so long after what set it off.
    fn observed_after(&self, fault: &InForce, proof: &str, effect: Option<Duration>) {
        let trigger_to_effect_us = effect.map(|effect| effect.as_micros() as u64);
        self.tell(
            fault,
            FaultStep::Observed {
                proof: proof.to_owned(),
                trigger_to_effect_us,
            },
        );
    }

    /// Reads owner and epoch again and says where the fault landed. A fault that was not aimed at an owner hits by being
    /// observed.
    async fn landed(&self, fault: &InForce, aim: Option<&Aim>) -> Result<Landing, NemesisError> {
        let landing = match aim {
            None => Landing::Hit,
            Some(aim) => {
                let now = self
                    .owners
                    .of(&aim.thread)
                    .await
                    .map_err(|source| NemesisError::Landing {
                        fault: fault.fault.clone(),
                        target: fault.target.clone(),
                        source,
                    })?;
                match now {
                    // A turn does not fail by itself: cut off in the middle it is over the moment the fault lands.
                    Some(now) if fault.of_link && now.status == Status::Failed && now.epoch == aim.epoch => {
                        Landing::Hit
                    }
                    Some(now) if now.status.is_terminal() => Landing::TooLate,
                    Some(now) if now.epoch == aim.epoch && now.owner.as_ref() == Some(&aim.owner) => Landing::Hit,
                    _ => Landing::Moved,
                }
            }
        };
        self.tell(fault, FaultStep::Judged { landing });
        Ok(landing)
    }

    fn tell(&self, fault: &InForce, step: FaultStep) {
        let event = FaultEvent {
            id: fault.id,
            fault: fault.fault.to_string(),
            target: fault.target.to_string(),
            step,
        };
        self.recorder.record(What::Fault(Box::new(event)));
    }
}

fn name(part: &PartHandle) -> PodName {
    PodName::from(part.service().name())
}

fn refused<E: Into<Refusal>>(fault: &InForce) -> impl FnOnce(E) -> NemesisError + use<E> {
    let (fault, target) = (fault.fault.clone(), fault.target.clone());
    move |source| NemesisError::Refused {
        fault,
        target,
        source: source.into(),
    }
}

fn unseen(fault: &InForce, seen: String) -> NemesisError {
    NemesisError::Unseen {
        fault: fault.fault.clone(),
        target: fault.target.clone(),
        seen,
    }
}
