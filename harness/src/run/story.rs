//! A story: its name, its needs, the defects that it must catch, the evidence that it promises, and its play.

use std::future::Future;
use std::pin::Pin;

use super::cast::Cast;
use super::stopped::Played;
use crate::nemesis::{FAULTS, FaultKind};
use crate::system::System;
use crate::system::needs::{Need, Why};

/// A story of the registry.
#[derive(Clone, Copy)]
pub struct Story {
    /// Its name: the play's function, the trial's name, the command line's filter.
    pub name: &'static str,
    /// The failure that the story provokes, and how, in one sentence.
    pub about: &'static str,
    /// The needs that a system must meet so that the story can be played, beside the needs of its faults.
    pub needs: &'static [Need],
    /// The faults that it injects, by their names in the registry of faults.
    pub faults: &'static [&'static str],
    /// Defects that it must catch.
    pub catches: &'static [&'static str],
    /// Marks that it must reach for a pass to mean anything.
    pub evidence: &'static [&'static str],
    /// The play.
    pub play: Play,
}

/// A story's play.
pub type Play = for<'a> fn(&'a mut Cast) -> Pin<Box<dyn Future<Output = Played> + Send + 'a>>;

/// Names of stories that take minutes begin so.
const LONG: &str = "long::";

impl Story {
    /// True if it takes minutes: it is played only if a filter begins with `long::`.
    pub fn is_long(&self) -> bool {
        self.name.starts_with(LONG)
    }

    /// True if a filter, or its absence, may select it.
    pub fn may_be_selected(&self, filter: Option<&str>) -> bool {
        !self.is_long() || filter.is_some_and(|filter| filter.starts_with(LONG))
    }

    /// The faults that it injects.
    pub fn kinds(&self) -> impl Iterator<Item = &'static FaultKind> {
        let of_story = |kind: &&FaultKind| self.faults.contains(&kind.name);
        FAULTS.iter().copied().filter(of_story)
    }

    /// Its own needs and those of its faults, each once.
    pub fn all_needs(&self) -> Vec<Need> {
        let mut needs = Vec::new();
        for need in self.needs.iter().chain(self.kinds().flat_map(|kind| kind.needs)) {
            if !needs.contains(need) {
                needs.push(*need);
            }
        }
        needs
    }

    /// Decides whether it can be played on a system.
    ///
    /// # Errors
    /// The first need, of its own or of one of its faults, that is not met.
    pub fn available(&self, system: &System) -> Result<(), Why> {
        system.available(self.needs)?;
        self.kinds().try_for_each(|kind| kind.available(system))
    }
}
