//! What is going to be played, settled before anything starts.
//!
//! A plan is a pure function of story, seed and target: the same seed gives the same plan. Which pod plays which role comes
//! from the seed; where a fault lands comes from gates and from what watchers see, never from a clock. Deliberately absent:
//! anything about one particular run.

mod answer;
mod background_watchers;
mod pod;
mod selector;
mod trigger;

pub use answer::Answer;
pub use background_watchers::{BackgroundVisits, Manner, Place, Visit};
pub use pod::Pod;
pub use selector::{Known, NoTarget, Selector};
pub use trigger::{Trigger, Watch};

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use serde::{Deserialize, Serialize};

use crate::history::PodName;

/// A plan, as `plan.json` keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The story.
    pub story: String,
    /// The seed that everything below was drawn from.
    pub seed: u64,
    /// Inside design of the target.
    pub design: String,
    /// Defect switched on in the target, if any.
    pub defect: Option<String>,
    /// The pods in the order of their roles: [`Pod::first`] is the first of them.
    pub pods: Vec<PodName>,
    /// The watchers that come and go beside the story's own.
    #[serde(rename = "restless")]
    pub background_visits: BackgroundVisits,
}

impl Plan {
    /// Draws a plan for `story` from `seed`.
    pub fn draw(story: &str, seed: u64, design: &str, defect: Option<&str>, pods: &[PodName]) -> Self {
        let mut roles = pods.to_vec();
        roles.shuffle(&mut rng(seed, story));
        Self {
            story: story.to_owned(),
            seed,
            design: design.to_owned(),
            defect: defect.map(str::to_owned),
            pods: roles,
            background_visits: BackgroundVisits::draw(&mut rng(seed, &format!("{story}, restless")), pods.len()),
        }
    }

    /// The pod that plays a role.
    pub fn pod(&self, role: Pod) -> &PodName {
        &self.pods[role.index() % self.pods.len()]
    }
}

/// The one source of chance for a purpose under a seed.
pub fn rng(seed: u64, purpose: &str) -> StdRng {
    // FNV-1a: stable across versions and platforms, which the standard library's hasher does not promise.
    let mixed = purpose.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    StdRng::seed_from_u64(mixed)
}

/// The seed of the `n`-th repetition (from 0) of a run with `seed`; the first repetition has the run's own.
pub fn seed_of_repetition(seed: u64, n: u32) -> u64 {
    seed.wrapping_add(u64::from(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pods() -> Vec<PodName> {
        ["pod-1", "pod-2", "pod-3"].map(PodName::from).to_vec()
    }

    #[test]
    fn a_seed_gives_one_plan_and_seeds_give_different_ones() {
        let draw = |seed| Plan::draw("s", seed, "log", None, &pods());
        assert_eq!(draw(7), draw(7));
        let firsts: std::collections::BTreeSet<_> = (0..64).map(|seed| draw(seed).pods[0].clone()).collect();
        assert_eq!(firsts.len(), 3, "every pod gets to be the first");
    }

    #[test]
    fn a_role_past_the_last_pod_wraps() {
        let plan = Plan::draw("s", 1, "log", None, &pods());
        assert_eq!(plan.pod(Pod::nth(4)), plan.pod(Pod::nth(1)));
    }
}
