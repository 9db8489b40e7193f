//! Faults: one a file, each aimed, injected, seen to take effect, judged and healed.
//!
//! The record of every fault's life is kept here and written into the history. A fault whose effect cannot be seen is an
//! error and is never passed over. After a fault has landed, owner and epoch are read again: it hit its aim, or the owner
//! had moved, or the turn was over. Deliberately absent: when a fault is injected (stories decide that), and any judgement.

mod admin;
mod error;
mod failpoints;
mod in_force;
mod kind;
mod link;
mod nats;
mod pod;
mod postgres;
mod process;
mod redis;
mod registry;
mod resources;
mod storage;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cluster::{Part, PartHandle};
use crate::history::writer::Recorder;
use crate::history::{FaultEvent, FaultStep, Landing, PodName, Status, What};
use crate::roles::postgres::owners::Owners;
use crate::roles::postgres::sessions::Occupier;

use failpoints::Arming;
use in_force::{Full, InForce, name};

pub use admin::AdminError;
pub use error::{NemesisError, Refusal};
pub use failpoints::Failpoint;
pub use in_force::Aim;
pub use kind::{FaultKind, FaultSite, On, Stored};
pub use link::{Lifted, Link, LinkCut, LinkFault, Way};
pub use pod::clock_shifted::Shift;
pub use pod::hold::{Armed, Held, NoHold};
pub use registry::FAULTS;
pub use resources::cpu_throttled::Throttled;
pub use storage::disk_full::{clear_disk, clear_store};

pub use crate::cluster::Role;
pub use crate::system::parts::Keeps;

/// Injects faults, heals them, and keeps the record of each.
pub struct Nemesis {
    owners: Arc<Owners>,
    recorder: Recorder,
    /// What the parts store, by part.
    stored: BTreeMap<PodName, Stored>,
    /// The cluster's parts: links lead to the first in each role.
    parts: Vec<Part>,
    /// Faults in force, in the order of their injection.
    in_force: Vec<InForce>,
    /// Pods that hold at a failpoint or may come to hold there.
    armed: Vec<Arming>,
    /// Parts with a full volume.
    full: Vec<Full>,
    /// Idle sessions that take every place of the database.
    occupiers: Vec<Occupier>,
    /// Pods with a clock that may be shifted.
    shifted: Vec<PartHandle>,
    /// Number of faults so far; the newest one's id.
    count: u32,
}

impl Nemesis {
    /// A nemesis that records into `recorder` and reads owners through `owners`, in a cluster of these `parts`. A part that is not in
    /// `stored` stores nothing that a fault could take.
    pub fn new(owners: Arc<Owners>, recorder: Recorder, stored: BTreeMap<PodName, Stored>, parts: Vec<Part>) -> Self {
        Self {
            owners,
            recorder,
            stored,
            parts,
            in_force: Vec::new(),
            armed: Vec::new(),
            full: Vec::new(),
            occupiers: Vec::new(),
            shifted: Vec::new(),
            count: 0,
        }
    }

    /// Records that the faults on `target` are about to be healed: from here on it may serve again. A fault that outlives
    /// a restart is left out.
    pub fn healing(&self, target: &PodName) {
        for fault in self.in_force.iter().filter(|fault| fault.goes_with(target)) {
            self.record(fault, FaultStep::Healing);
        }
    }

    /// Records that the faults on `target` are healed. Call it once the target was seen to serve again.
    pub fn healed(&mut self, target: &PodName) {
        let in_force = std::mem::take(&mut self.in_force);
        let (healed, left): (Vec<_>, Vec<_>) = in_force.into_iter().partition(|fault| fault.goes_with(target));
        self.in_force = left;
        for fault in healed {
            self.record(&fault, FaultStep::Healed);
        }
    }

    /// Parts with a fault in force.
    pub fn under_fault(&self) -> impl Iterator<Item = &PodName> {
        self.in_force.iter().map(|fault| &fault.target)
    }

    /// Records that this fault is about to be healed; others on its target stay.
    fn mending(&self, fault: &InForce) {
        self.record(fault, FaultStep::Healing);
    }

    /// Records that this fault is healed; others on its target stay.
    fn mended(&mut self, fault: &InForce) {
        self.in_force.retain(|other| other.id != fault.id);
        self.record(fault, FaultStep::Healed);
    }

    /// Returns true if a fault of this kind is in force on any part.
    fn has_in_force(&self, kind: &FaultKind) -> bool {
        self.in_force.iter().any(|other| other.fault == kind.name)
    }

    /// Records that a fault is aimed at `target`; it is in force from here on.
    fn aimed(&mut self, kind: &FaultKind, target: &PartHandle, aim: Option<&Aim>) -> InForce {
        let fault = self.next(kind, target);
        self.begin(fault, aim)
    }

    /// A fault with the next number. It is in force once it was begun.
    fn next(&mut self, kind: &FaultKind, target: &PartHandle) -> InForce {
        self.next_at(kind, target, None)
    }

    /// As [`Nemesis::next`], of a link of the target.
    fn next_of_link(&mut self, kind: &FaultKind, target: &PartHandle, link: String) -> InForce {
        let fault = format!("{link}-{}", kind.name).into();
        InForce {
            fault,
            ..self.next_at(kind, target, Some(link))
        }
    }

    fn next_at(&mut self, kind: &FaultKind, target: &PartHandle, link: Option<String>) -> InForce {
        self.count += 1;
        let part = name(target);
        let site = FaultSite {
            role: target.part().role,
            stored: self.stored.get(&part).copied().unwrap_or_default(),
            link,
        };
        InForce {
            id: self.count,
            fault: kind.name.into(),
            target: part,
            effect: (kind.effect)(&site),
            outlives_restart: false,
        }
    }

    /// Records that a fault is aimed; it is in force from here on.
    fn begin(&mut self, fault: InForce, aim: Option<&Aim>) -> InForce {
        self.in_force.push(fault.clone());
        let (thread, epoch) = (aim.map(|aim| aim.thread.clone()), aim.map(|aim| aim.epoch));
        self.record(&fault, FaultStep::Aimed { thread, epoch });
        fault
    }

    /// The fault in force on a part. Panics if there is none: a story ends only what it began.
    fn in_force_on(&self, kind: &FaultKind, target: &PartHandle) -> InForce {
        self.in_force_as(kind.name, target)
    }

    /// As [`Nemesis::in_force_on`], by the fault's name in histories.
    fn in_force_as(&self, fault: &str, target: &PartHandle) -> InForce {
        let target = name(target);
        let found = self.find_in_force(fault, &target);
        found.unwrap_or_else(|| panic!("a story ends a {fault} on {target} that it did not begin"))
    }

    fn find_in_force(&self, fault: &str, target: &PodName) -> Option<InForce> {
        let mut in_force = self.in_force.iter();
        in_force.find(|f| f.fault == fault && f.target == *target).cloned()
    }

    /// Records that a fault was seen to take effect now; `trigger` is the time of the event that set it off.
    fn observed(&self, fault: &InForce, proof: &str, trigger: Option<Instant>) {
        self.observed_after(fault, proof, trigger.map(|trigger| trigger.elapsed()));
    }

    /// Records that a fault was seen to take effect, `effect` after the event that set it off.
    fn observed_after(&self, fault: &InForce, proof: &str, effect: Option<Duration>) {
        let step = FaultStep::Observed {
            proof: proof.to_owned(),
            trigger_to_effect_us: effect.map(|effect| effect.as_micros() as u64),
        };
        self.record(fault, step);
    }

    /// Reads owner and epoch again, and records where the fault landed. Without an aim, a fault hits by being observed.
    async fn landed(&self, fault: &InForce, aim: Option<&Aim>) -> Result<Landing, NemesisError> {
        let landing = match aim {
            None => Landing::Hit,
            Some(aim) => self.landing(fault, aim).await?,
        };
        self.record(fault, FaultStep::Judged { landing });
        Ok(landing)
    }

    async fn landing(&self, fault: &InForce, aim: &Aim) -> Result<Landing, NemesisError> {
        let now = self.owners.of(&aim.thread, aim.turn.as_ref()).await;
        let now = now.map_err(|source| NemesisError::Landing {
            fault: fault.fault.clone(),
            target: fault.target.clone(),
            source,
        })?;
        Ok(match now {
            // A turn does not fail by itself: cut off in the middle it is over the moment the fault lands.
            Some(now) if fault.effect.cuts_off.is_some() && now.status == Status::Failed && now.epoch == aim.epoch => {
                Landing::Hit
            }
            Some(now) if now.status.is_terminal() => Landing::TooLate,
            Some(now) if now.is_as(aim.epoch, aim.attempt.as_ref()) && now.owner.as_ref() == Some(&aim.owner) => {
                Landing::Hit
            }
            _ => Landing::Moved,
        })
    }

    fn record(&self, fault: &InForce, step: FaultStep) {
        let event = FaultEvent {
            id: fault.id,
            name: fault.fault.to_string(),
            target: fault.target.to_string(),
            effect: fault.effect.clone(),
            step,
        };
        self.recorder.record(What::Fault(Box::new(event)));
    }
}
