//! Sessions: clusters of one setting, on which any number of stories is played.

pub(in crate::run) mod dry_run;
pub(in crate::run) mod live_run;
pub(in crate::run) mod matrix;
pub(in crate::run) mod options;
pub(in crate::run) mod shard;
pub(in crate::run) mod side_by_side;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::{Mutex, Semaphore};

use super::error::RunError;
use super::play::{self, Order};
use super::slot::Slot;
use super::story::Story;
use crate::report::{
    Command, Conditions, Folder, NotPlayed, NotSeen, RunFigures, RunFolder, RunReport, START, StoryFigures, StoryReport,
};
use crate::system::System;
use crate::verdict::{Finding, Judgement, Verdict};

/// The system of a session, the defect of its pods, and its number of slots.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The system under test.
    pub system: Arc<System>,
    /// Defect that is switched on, if any.
    pub defect: Option<String>,
    /// Filter that selected the stories, for the command that starts the clusters again.
    pub filter: Option<String>,
    /// How many clusters stories are played on side by side.
    pub slots: u16,
}

/// A slot that is shared by the play on it and the task that takes it down.
type SharedSlot = Arc<Slot>;

/// Clusters of one setting that are up.
pub struct Session {
    slots: Vec<SharedSlot>,
    free: Mutex<VecDeque<SharedSlot>>,
    permits: Semaphore,
    folder: RunFolder,
    setting: Setting,
    conditions: Conditions,
    cold_start_ms: f64,
    played: AtomicUsize,
}

/// Most plays of a story before it is left without a verdict, where CPU starvation may explain what each of them broke.
const PLAYS_MAX: usize = 3;

impl Session {
    /// Plays a story on the first free cluster. A play that CPU starvation excuses is no answer: the story is played again, while no
    /// other play runs.
    pub async fn play(&self, story: &Story, seed: u64) -> StoryReport {
        until_answered(async |is_first| {
            let free = if is_first { 1 } else { self.slots.len() };
            self.play_beside(story, seed, free).await
        })
        .await
    }

    /// Plays a story once on the first free cluster, whatever comes of it.
    pub(in crate::run) async fn play_once(&self, story: &Story, seed: u64) -> StoryReport {
        self.play_beside(story, seed, 1).await
    }

    /// Plays a story once, when so many clusters are free.
    async fn play_beside(&self, story: &Story, seed: u64, free: usize) -> StoryReport {
        let free = u32::try_from(free).unwrap_or(u32::MAX);
        let Ok(_permits) = self.permits.acquire_many(free).await else {
            unreachable!("the semaphore is never closed")
        };
        let asked_at = Instant::now();
        let Some(slot) = self.free.lock().await.pop_front() else {
            unreachable!("a permit is a free slot")
        };
        let done = self.play_on(&slot, story, seed, asked_at).await;
        self.free.lock().await.push_back(slot);
        done
    }

    async fn play_on(&self, slot: &SharedSlot, story: &Story, seed: u64, asked_at: Instant) -> StoryReport {
        let number = self.played.fetch_add(1, Ordering::Relaxed) + 1;
        let system = &self.setting.system;
        let (design, defect) = (system.design_name(), self.setting.defect.as_deref());
        let again = Command::run(&self.conditions, Some(story.name), &system.choice, defect, seed).to_string();
        match self.folder.play(story.name, number) {
            Ok(folder) => {
                let order = Order {
                    story,
                    seed,
                    design,
                    defect,
                    folder: &folder,
                    again,
                    asked_at,
                };
                play::play(slot, &order).await
            }
            Err(e) => StoryReport {
                again,
                ..play::unplayed(story.name, design, defect, seed, e.to_string())
            },
        }
    }

    /// The first cluster, and a folder for the history of a check on it.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub(in crate::run) fn for_check(&self) -> Result<(SharedSlot, Folder), RunError> {
        let Some(slot) = self.slots.first() else {
            unreachable!("a session has a slot")
        };
        Ok((slot.clone(), self.folder.play("check", 1)?))
    }

    /// The run's report from what was played and what could not be played; also kept in the run's folder.
    ///
    /// # Errors
    /// It cannot be kept.
    pub fn report(
        &self,
        seed: u64,
        played: Vec<StoryReport>,
        not_applicable: &[NotPlayed],
    ) -> Result<RunReport, RunError> {
        let stories: Vec<StoryReport> = self.start_report(seed).into_iter().chain(played).collect();
        let figures = RunFigures::of_stories(stories.iter().map(|s| &s.figures), Some(self.cold_start_ms));
        let not_seen = self.not_seen(&stories);
        let report = RunReport::new(seed, stories, figures).leaving_out(not_applicable);
        let report = report.without_seeing(not_seen);
        self.folder.write_json("verdict.json", &report)?;
        Ok(report)
    }

    /// Known bugs that these stories did not show, although some might have.
    fn not_seen(&self, stories: &[StoryReport]) -> Vec<NotSeen> {
        let known = self.setting.system.description.expected.iter();
        let not_seen = known.filter_map(|bug| {
            let mut played = stories.iter().filter(|story| bug.may_show_in(&story.story)).peekable();
            played.peek()?;
            let (plays, is_seen) = played.fold((0, false), |(plays, is_seen), story| {
                let shows = |finding: &Finding| bug.shows_as(&finding.promise, [&finding.expected, &finding.got]);
                (plays + 1, is_seen || story.expected.iter().any(shows))
            });
            (!is_seen).then(|| NotSeen {
                promises: bug.promises.to_vec(),
                why: bug.why.clone(),
                plays,
            })
        });
        not_seen.collect()
    }

    /// A report of pods that ended by themselves while the clusters started. `None` if all came up.
    pub fn start_report(&self, seed: u64) -> Option<StoryReport> {
        let deaths = self.slots.iter().flat_map(|slot| slot.cluster.boot_deaths());
        let findings: Vec<Finding> = deaths
            .map(|death| Finding {
                promise: "DependencySelfHeal".into(),
                subject: death.pod.to_string(),
                event: 0,
                expected: "a pod that comes up beside the others".into(),
                got: format!("it came up only when it was started again: {}", death.seen),
                fault: None,
                owner_before: None,
                owner_after: None,
            })
            .collect();
        let judgement = Judgement {
            reason: Some("a pod ended while the cluster was started".into()),
            findings,
            ..Judgement::bare(Verdict::Fail)
        };
        let system = &self.setting.system;
        let (design, defect) = (system.design_name(), self.setting.defect.as_deref());
        let figures = StoryFigures::default();
        let filter = self.setting.filter.as_deref();
        (!judgement.findings.is_empty()).then(|| StoryReport {
            again: Command::run(&self.conditions, filter, &system.choice, defect, seed).to_string(),
            ..StoryReport::new(START, design, defect, seed, judgement, figures)
        })
    }

    /// Clusters that the run has.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// How to look at what the pods of the first cluster hold, for somebody who stops the world at a failure.
    ///
    /// # Errors
    /// Its database is not running.
    pub fn ways_to_look(&self) -> Result<Vec<String>, RunError> {
        self.slots.first().map_or(Ok(Vec::new()), |slot| slot.ways_to_look())
    }
}

/// Plays until a play is not excused by CPU starvation, or there were [`PLAYS_MAX`]; `play` is told whether it is the first.
async fn until_answered(mut play: impl AsyncFnMut(bool) -> StoryReport) -> StoryReport {
    let mut excused = Vec::new();
    let mut done = play(true).await;
    while done.is_excused() && excused.len() + 1 < PLAYS_MAX {
        excused.push(done);
        done = play(false).await;
    }
    done.after(&excused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(verdict: Verdict) -> StoryReport {
        let finding = Finding::bare("ShownInTime");
        let judgement = Judgement {
            starved: if verdict == Verdict::Inconclusive {
                vec![finding]
            } else {
                vec![]
            },
            ..Judgement::bare(verdict)
        };
        StoryReport::new("s", "log", None, 7, judgement, StoryFigures::default())
    }

    #[tokio::test]
    async fn an_excused_play_is_played_again_and_no_other_is() {
        use Verdict::{Broken, Fail, Inconclusive, Pass};
        for (verdicts, last, before) in [
            (vec![Pass], Pass, 0),
            (vec![Fail, Pass], Fail, 0),
            (vec![Broken, Pass], Broken, 0),
            (vec![Inconclusive, Pass], Pass, 1),
            (vec![Inconclusive, Fail, Pass], Fail, 1),
            (vec![Inconclusive, Inconclusive, Inconclusive, Pass], Inconclusive, 2),
        ] {
            let mut plays = 0;
            let done = until_answered(async |is_first| {
                plays += 1;
                assert_eq!(is_first, plays == 1);
                report(verdicts[plays - 1])
            })
            .await;
            assert_eq!(
                (done.verdict, done.excused_before.len()),
                (last, before),
                "{verdicts:?}"
            );
        }
        // Evidence that is missing is the story's own, whoever waited.
        let missing = StoryReport {
            starved: vec![],
            ..report(Inconclusive)
        };
        let done = until_answered(async |is_first| {
            assert!(is_first);
            missing.clone()
        })
        .await;
        assert_eq!(done.excused_before, vec![]);
    }
}
