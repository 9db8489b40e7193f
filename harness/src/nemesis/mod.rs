//! What breaks things: one fault a file, each from being aimed, through the proof that it took effect, to being healed.
//!
//! A fault that cannot be seen to have taken effect is an error, never silently done. After it landed, owner and epoch are
//! read again: it hit what it was aimed at, or the owner had moved, or the turn was over. Deliberately absent: choosing
//! when (stories do, by what watchers see and where the provider's gates hold), and judging (`checkers`).

mod kill;
mod pause;
mod stop;
mod terminate;

use std::sync::Arc;
use std::time::Instant;

use crate::cluster::{ClusterError, PartHandle};
use crate::history::writer::Recorder;
use crate::history::{Epoch, FaultEvent, FaultStep, Landing, PodName, ThreadId, What};
use crate::target::owner::{DatabaseError, Owners};

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
    /// The engine or the kernel refused.
    #[error("{fault} on {target}: {source}")]
    Cluster {
        /// The fault.
        fault: &'static str,
        /// What it was aimed at.
        target: PodName,
        /// What was refused.
        source: ClusterError,
    },
    /// Owner and epoch could not be read again after the fault landed.
    #[error("{fault} on {target} landed, but where cannot be said: {source}")]
    Landing {
        /// The fault.
        fault: &'static str,
        /// What it was aimed at.
        target: PodName,
        /// Why not.
        source: DatabaseError,
    },
}

/// Injects faults and keeps the record of each.
pub struct Nemesis {
    owners: Arc<Owners>,
    recorder: Recorder,
    /// Faults in force, in the order of their injection.
    in_force: Vec<InForce>,
    count: u32,
}

/// A fault that is not healed yet.
#[derive(Debug, Clone)]
struct InForce {
    id: u32,
    fault: &'static str,
    target: PodName,
}

impl Nemesis {
    /// A nemesis that records into `recorder` and reads landings through `owners`.
    pub fn new(owners: Arc<Owners>, recorder: Recorder) -> Self {
        Self {
            owners,
            recorder,
            in_force: Vec::new(),
            count: 0,
        }
    }

    /// Says that what is in force on `target` is about to be healed: from here on it may serve again.
    pub fn healing(&self, target: &PodName) {
        for fault in self.in_force.iter().filter(|f| f.target == *target) {
            self.tell(fault, FaultStep::Healing);
        }
    }

    /// Says that everything in force on `target` is healed; called when the target was seen to serve again.
    pub fn healed(&mut self, target: &PodName) {
        let (healed, left) = std::mem::take(&mut self.in_force)
            .into_iter()
            .partition(|f: &InForce| f.target == *target);
        self.in_force = left;
        let healed: Vec<InForce> = healed;
        for fault in healed {
            self.tell(&fault, FaultStep::Healed);
        }
    }

    /// Pods and dependencies that a fault is in force on.
    pub fn wounded(&self) -> impl Iterator<Item = &PodName> {
        self.in_force.iter().map(|f| &f.target)
    }

    fn aimed(&mut self, fault: &'static str, target: &PartHandle, aim: Option<&Aim>) -> InForce {
        self.count += 1;
        let in_force = InForce {
            id: self.count,
            fault,
            target: name(target),
        };
        self.in_force.push(in_force.clone());
        let (thread, epoch) = (aim.map(|a| a.thread.clone()), aim.map(|a| a.epoch));
        self.tell(&in_force, FaultStep::Aimed { thread, epoch });
        in_force
    }

    /// The fault in force on a part; a story ends only what it began.
    fn in_force_on(&self, fault: &'static str, target: &PartHandle) -> InForce {
        let target = name(target);
        let found = self
            .in_force
            .iter()
            .find(|f| f.fault == fault && f.target == target)
            .cloned();
        found.unwrap_or_else(|| panic!("a story ends a {fault} on {target} that it did not begin"))
    }

    fn observed(&self, fault: &InForce, proof: &str, trigger: Option<Instant>) {
        let trigger_to_effect_us = trigger.map(|t| t.elapsed().as_micros() as u64);
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
                        fault: fault.fault,
                        target: fault.target.clone(),
                        source,
                    })?;
                match now {
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
            fault: fault.fault.to_owned(),
            target: fault.target.to_string(),
            step,
        };
        self.recorder.record(What::Fault(Box::new(event)));
    }
}

fn name(part: &PartHandle) -> PodName {
    PodName::from(part.service().name())
}

fn refused(fault: &InForce) -> impl FnOnce(ClusterError) -> NemesisError + use<> {
    let (fault, target) = (fault.fault, fault.target.clone());
    move |source| NemesisError::Cluster { fault, target, source }
}
