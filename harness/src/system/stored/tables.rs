//! The tables of a system, with what their words mean.

use super::owner::{OwnerMap, OwnerRule};
use super::rows::{RowKind, RowRule};
use super::statuses::{Meaning, Statuses};
use crate::history::Status;
use crate::system::table::empty;

/// The tables of a system, with what their words mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Tables {
    /// The tables that are followed.
    pub rules: Vec<RowRule>,
    /// Meanings of status words.
    pub statuses: Statuses,
    /// How an owner is led back to a pod.
    pub owner: Option<OwnerRule>,
}

impl Tables {
    /// The rules of a kind, which add up.
    pub fn of(&self, kind: RowKind) -> impl Iterator<Item = &RowRule> {
        self.rules.iter().filter(move |rule| rule.is == kind)
    }

    /// The rules of a table, each with its place among all rules.
    pub fn named<'t>(&'t self, schema: &'t str, name: &'t str) -> impl Iterator<Item = (usize, &'t RowRule)> {
        let is_it = move |rule: &&RowRule| rule.schema_and_name() == (schema, name);
        self.rules.iter().enumerate().filter(move |(_, rule)| is_it(rule))
    }

    /// The status that a word means.
    ///
    /// # Errors
    /// The word is in no list of `[statuses]`.
    pub fn status(&self, word: &str) -> Result<Status, String> {
        let meaning = self.statuses.meaning_of(word);
        meaning
            .map(Status::from)
            .ok_or_else(|| format!("{word:?} has no meaning: it is in no list of [statuses]"))
    }

    /// The pod that an owner column's value names. A value that leads to no pod, or only by a pod's log, stands as it is.
    pub fn pod_of(&self, owner: &str) -> String {
        let pod = match self.owner.as_ref().map(OwnerRule::map) {
            Some(OwnerMap::Matches(pod)) => pod.group("pod", owner),
            _ => None,
        };
        pod.unwrap_or(owner).to_owned()
    }
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            statuses: empty(),
            owner: None,
        }
    }
}

impl From<Meaning> for Status {
    fn from(meaning: Meaning) -> Self {
        match meaning {
            Meaning::Idle => Self::Idle,
            Meaning::Queued => Self::Queued,
            Meaning::Running => Self::InProgress,
            Meaning::Waiting => Self::Waiting,
            Meaning::Completed => Self::Completed,
            Meaning::Failed => Self::Failed,
            Meaning::Cancelled => Self::Cancelled,
            Meaning::Lost => Self::Lost,
        }
    }
}
