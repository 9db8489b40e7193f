//! A turn that was accepted, and the moments of it that a trigger can wait for.

use std::time::Duration;

use crate::history::{Epoch, MessageId, Outcome, PodName, Status, ThreadId, TurnId, TurnKey};
use crate::nemesis::Aim;
use crate::plan::Trigger;
use crate::run::stopped::Stopped;

/// How often a condition in the database is looked at while a story waits for it.
pub(in crate::run) const LOOK: Duration = Duration::from_millis(5);

/// How long a client of the edge waits before it tries again.
pub(in crate::run) const COMES_BACK: Duration = Duration::from_millis(100);

/// Longest that a story waits for a turn to begin.
pub(in crate::run) const BEGIN: Duration = Duration::from_secs(8);

/// The tenant that a thread belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// The play's own tenant.
    Own,
    /// Another tenant.
    Stranger,
}

/// A turn that was accepted.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Its id.
    pub id: TurnId,
    /// Its thread.
    pub thread: ThreadId,
    /// The message it answers.
    pub message: MessageId,
    /// Key that the provider counts its calls by.
    pub key: TurnKey,
    /// Pod that accepted it, by its own word.
    pub accepted_by: PodName,
}

/// The turn of a post that was accepted; the play ends if it was not.
pub(in crate::run) fn accepted(pod: &PodName, outcome: Outcome<Turn>) -> Result<Turn, Stopped> {
    match outcome {
        Outcome::Ok(turn) => Ok(turn),
        refused => Err(Stopped::GaveUp(format!(
            "the post on {pod} was not accepted: {refused:?}"
        ))),
    }
}

impl Turn {
    /// Fires when any watcher is shown the turn's token `index`, from 1, or a later one.
    pub fn shows(&self, index: u32) -> Trigger {
        Trigger::Token {
            watcher: None,
            turn: self.id.clone(),
            index,
        }
    }

    /// Fires when the provider is called for the turn for the `n`-th time.
    pub fn is_called(&self, n: u32) -> Trigger {
        Trigger::ProviderCall {
            key: self.key.clone(),
            ordinal: n,
        }
    }

    /// Fires when the provider holds a call for the turn at a gate.
    pub fn is_held(&self) -> Trigger {
        Trigger::GateHeld { key: self.key.clone() }
    }

    /// Fires when the turn's row has this status.
    pub fn is(&self, status: Status) -> Trigger {
        Trigger::TurnIs {
            turn: self.id.clone(),
            status,
        }
    }

    /// Fires when the turn, or its thread, has an owner after `owner`.
    pub fn is_taken_from(&self, owner: &Aim) -> Trigger {
        let raised = Trigger::EpochIs {
            thread: self.thread.clone(),
            epoch: Epoch(owner.epoch.0 + 1),
        };
        let another = Trigger::OwnedByAnother {
            turn: self.id.clone(),
            owner: owner.owner.clone(),
        };
        Trigger::any([raised, another])
    }
}

/// Their ids begin here, so that a story's own watchers keep theirs whatever these do.
pub(in crate::run) const BACKGROUND_IDS_FROM: u32 = 1000;
