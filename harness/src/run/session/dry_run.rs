//! A dry run: the plans that the seed draws, and what the run would bring up and remove.
//!
//! A story's faults are known only when it is played: gates and frames decide where they land. Its sentence and its evidence name
//! them, and [`AIMED_AT`] names everything that they can reach.

use serde::Serialize;

use super::Setting;
use super::options::{Options, Selected};
use crate::cluster::{AllowedHosts, ClusterSpec, Engine, Preview, RunLock};
use crate::history::PodName;
use crate::plan::{Plan, seed_of_repetition};
use crate::report::{Command, Conditions, NotPlayed};
use crate::run::error::RunError;
use crate::run::session::live_run::{conditions, spec_of};
use crate::system::System;

/// Everything that the faults of a story can reach.
const AIMED_AT: &str = "What a story breaks is in its sentence and its evidence; the moments come from what it sees. Every \
fault is aimed at parts of the clusters named here alone: processes of their containers, links of their fault proxy, \
failpoints and volumes of their pods.";

/// A run that is only described.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DryRun {
    /// Seed of the first repetition.
    pub seed: u64,
    /// Inside design of the pods.
    pub design: String,
    /// Defect that would be switched on, if any.
    pub defect: Option<String>,
    /// Everything that would be found, brought up and removed.
    pub would: Preview,
    /// Every play, in order.
    pub plays: Vec<PlannedPlay>,
    /// Stories that were asked for and that the system cannot play.
    pub not_applicable: Vec<NotPlayed>,
    /// Everything that the plays' faults can reach.
    pub faults: &'static str,
}

/// A story that would be played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedPlay {
    /// The failure that the story provokes, and how.
    pub about: &'static str,
    /// Marks that it would have to reach.
    pub evidence: &'static [&'static str],
    /// As `plan.json` would keep it.
    pub plan: Plan,
    /// Command that plays this plan alone.
    pub again: String,
}

impl DryRun {
    /// Describes a run of these stories.
    ///
    /// # Errors
    /// The errors of a run before anything is brought up: no engine, an engine that is not allowed, no Compose.
    pub async fn look(
        selected: &Selected,
        options: &Options,
        setting: &Setting,
        allowed: &AllowedHosts,
    ) -> Result<Self, RunError> {
        let engine = Engine::connect(allowed).await?;
        // As every run begins; the lock is gone with this call.
        let lock = RunLock::begin()?;
        let spec = spec_of(&lock, 0, setting)?;
        Ok(Self {
            seed: options.seed,
            design: setting.system.design_name().to_owned(),
            defect: setting.defect.clone(),
            would: Preview::look(&engine, setting.slots, &spec).await?,
            plays: plays(
                selected,
                options,
                &setting.system,
                &conditions(allowed),
                &pods_of(&spec),
            ),
            not_applicable: selected.not_applicable.clone(),
            faults: AIMED_AT,
        })
    }
}

/// Every play with its plan, in the order in which a run begins them.
fn plays(
    selected: &Selected,
    options: &Options,
    system: &System,
    conditions: &Conditions,
    pods: &[PodName],
) -> Vec<PlannedPlay> {
    let defect = options.defect.as_deref();
    let repetitions = (0..options.repeat).map(|n| seed_of_repetition(options.seed, n));
    let plays = repetitions.flat_map(|seed| {
        selected.playable.iter().map(move |story| PlannedPlay {
            about: story.about,
            evidence: story.evidence,
            plan: Plan::draw(story.name, seed, system.design_name(), defect, pods),
            again: Command::run(conditions, Some(story.name), &system.choice, defect, seed).to_string(),
        })
    });
    plays.collect()
}

/// The pods that a run's clusters would have.
fn pods_of(spec: &ClusterSpec) -> Vec<PodName> {
    let named = spec.system.pods.named().into_iter();
    named.map(|(pod, _)| PodName::from(pod)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::story::Story;

    #[test]
    fn every_repetition_of_every_story_is_foretold_with_the_plan_that_it_would_have() {
        let story = |name| Story {
            name,
            about: "about",
            needs: &[],
            faults: &[],
            catches: &[],
            evidence: &["seen"],
            play: |_| Box::pin(async { Ok(()) }),
        };
        let options = Options {
            filter: None,
            defect: Some("no-fencing".into()),
            seed: 7,
            repeat: 2,
            shard: None,
        };
        let pods = ["pod-1", "pod-2"].map(PodName::from);
        let ahead = plays(
            &Selected {
                playable: vec![story("a"), story("b")],
                not_applicable: Vec::new(),
            },
            &options,
            &System::reference(),
            &Conditions::default(),
            &pods,
        );
        let named: Vec<(&str, u64)> = ahead.iter().map(|p| (p.plan.story.as_str(), p.plan.seed)).collect();
        assert_eq!(named, [("a", 7), ("b", 7), ("a", 8), ("b", 8)]);
        assert_eq!(ahead[3].plan, Plan::draw("b", 8, "log", Some("no-fencing"), &pods));
        assert_eq!(ahead[0].evidence, ["seen"]);
        let again = "cargo crosspod run b --design log --defect no-fencing --seed 8";
        assert_eq!(ahead[3].again, again);
    }
}
