//! A fault between its injection and its healing, and the errors that name it.

use std::borrow::Cow;

use crate::cluster::PartHandle;
use crate::history::{Attempt, Effect, Epoch, PodName, ThreadId, TurnId};
use crate::nemesis::error::{NemesisError, Refusal};

/// The owner of a turn, as read from the database: a fault is aimed at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aim {
    /// Thread of the turn.
    pub thread: ThreadId,
    /// The turn, where it is known.
    pub turn: Option<TurnId>,
    /// The owner.
    pub owner: PodName,
    /// The thread's epoch under this owner; 0 if rows have none.
    pub epoch: Epoch,
    /// The owner's claim of the turn, if rows of turns count claims.
    pub attempt: Option<Attempt>,
}

/// A fault that is not healed yet.
#[derive(Debug, Clone)]
pub(super) struct InForce {
    /// Its number in the history of a play; unique in it.
    pub(super) id: u32,
    pub(super) fault: Cow<'static, str>,
    pub(super) target: PodName,
    pub(super) effect: Effect,
    /// True if a restart of its target does not heal it.
    pub(super) outlives_restart: bool,
}

impl InForce {
    /// Returns true if a restart or a repair of `target` heals the fault.
    pub(super) fn goes_with(&self, target: &PodName) -> bool {
        self.target == *target && !self.outlives_restart
    }
}

/// A part with a full volume.
#[derive(Debug, Clone)]
pub(super) struct Full {
    pub(super) part: PartHandle,
    /// Path of the volume in the part's container.
    pub(super) folder: String,
    /// The kernel's refusal of the next byte; empty until it was seen.
    pub(super) said: String,
}

/// The name of a part in histories.
pub(super) fn name(part: &PartHandle) -> PodName {
    PodName::from(part.service())
}

/// Turns a refusal into the error that names the fault.
pub(super) fn refused<E: Into<Refusal>>(fault: &InForce) -> impl FnOnce(E) -> NemesisError + use<E> {
    let (fault, target) = (fault.fault.clone(), fault.target.clone());
    move |source| NemesisError::Refused {
        fault,
        target,
        source: source.into(),
    }
}

/// The error for a fault that was injected or healed without being seen to be; `seen` is what was seen instead.
pub(super) fn unseen(fault: &InForce, seen: String) -> NemesisError {
    NemesisError::Unseen {
        fault: fault.fault.clone(),
        target: fault.target.clone(),
        seen,
    }
}
