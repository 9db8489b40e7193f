//! The plan of a play, drawn from the seed before anything starts.
//!
//! A plan is a pure function of story, seed, design and defect: the same seed gives the same plan. The seed decides which pod
//! plays which role. Gates and the frames that watchers see decide where a fault lands, never a clock. A plan knows nothing of
//! one particular run.

mod answer;
mod background_watchers;
mod pod;
mod seed;
mod selector;
mod trigger;

pub use answer::{Answer, key_in};
pub use background_watchers::{BackgroundVisits, Manner, Place, Visit};
pub use mock_ai::script::{Bad, BadKind, Extra, Flag, Oddity, Page, Ping, Reasoning, UsageMode};
pub use mock_ai::token::TextMode;
pub use pod::Pod;
pub use seed::{rng, seed_of_repetition};
pub use selector::{Known, NoTarget, Selector};
pub use trigger::{Trigger, Watch};

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
    /// Inside design of the system.
    pub design: String,
    /// Defect switched on in the system, if any.
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
            background_visits: BackgroundVisits::draw(
                &mut rng(seed, &format!("{story}, restless")),
                &mut rng(seed, &format!("{story}, cursors")),
                pods.len(),
            ),
        }
    }

    /// The pod that plays a role.
    pub fn pod(&self, role: Pod) -> &PodName {
        &self.pods[role.index() % self.pods.len()]
    }
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
