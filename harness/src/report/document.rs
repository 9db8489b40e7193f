//! `verdict.json`: public and versioned. `run --format json` prints the same document.

use serde::{Deserialize, Serialize};

use super::figures::{RunFigures, StoryFigures};
use crate::verdict::{EvidenceMark, Finding, InPart, Judgement, NotApplicable, Verdict};

/// Name of the report about the start of the clusters, which happens before the first story.
pub const START: &str = "cluster_start";

/// Most plays of a run, in a hundred, that CPU starvation may excuse.
const EXCUSED_PERCENT_MAX: usize = 1;

/// Version of `verdict.json`.
pub const SCHEMA: u32 = 1;

/// A whole run: every story that was played, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// [`SCHEMA`] of the writer.
    pub schema: u32,
    /// The worst of the stories' verdicts; `broken` where the run could not be carried out.
    pub verdict: Verdict,
    /// Seed of the run.
    pub seed: u64,
    /// Why the run could not be carried out, where it could not; where it was interrupted, how far it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why the run as a whole proves nothing although most plays may pass: CPU starvation excused too many of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excused: Option<String>,
    /// The stories.
    pub stories: Vec<StoryReport>,
    /// Stories that were asked for and that the system cannot play.
    #[serde(default)]
    pub not_applicable: Vec<NotPlayed>,
    /// Known bugs that no story of the run showed, although some might have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_seen: Vec<NotSeen>,
    /// The run's figures.
    pub figures: RunFigures,
}

/// A known bug that a run did not show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotSeen {
    /// The promises, of which one breaks.
    pub promises: Vec<String>,
    /// Why it is broken and borne.
    pub why: String,
    /// Plays in which it might have shown.
    pub plays: usize,
}

/// A story that the system cannot play, by name, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotPlayed {
    /// The story.
    pub story: String,
    /// The missing thing, and the key of the description that would say it.
    pub why: String,
}

/// A play that was played again, because CPU starvation may explain what it broke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcusedPlay {
    /// Broken promises, and who waited for a CPU.
    pub reason: Option<String>,
    /// Folder of its artefacts.
    pub artefacts: String,
}

/// One story played once; more than once, where CPU starvation may explain what the plays before it broke.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoryReport {
    /// The story.
    pub story: String,
    /// Inside design of the system.
    pub design: String,
    /// Defect switched on in the system, if any.
    pub defect: Option<String>,
    /// Seed of the plan.
    pub seed: u64,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in one line, where it is not a plain pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Folder of the story's artefacts.
    pub artefacts: String,
    /// Command that plays the same plan again.
    #[serde(default)]
    pub again: String,
    /// The story's evidence.
    pub evidence: Vec<EvidenceMark>,
    /// Broken promises.
    pub findings: Vec<Finding>,
    /// Broken promises that the system is known to break in this story.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<Finding>,
    /// Broken promises that a want of processors may have broken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub starved: Vec<Finding>,
    /// Plays before it, with the same seed, that ended without a verdict because of CPU starvation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excused_before: Vec<ExcusedPlay>,
    /// Promises that were not judged.
    pub not_applicable: Vec<NotApplicable>,
    /// Clauses that were not judged, of promises that were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub judged_in_part: Vec<InPart>,
    /// Promises whose bounds the run did not outlast.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_reached: Vec<NotApplicable>,
    /// The story's figures.
    pub figures: StoryFigures,
}

impl StoryReport {
    /// A story's report from its judgement.
    pub fn new(
        story: &str,
        design: &str,
        defect: Option<&str>,
        seed: u64,
        judgement: Judgement,
        figures: StoryFigures,
    ) -> Self {
        let Judgement {
            verdict,
            reason,
            findings,
            expected,
            starved,
            evidence,
            not_applicable,
            judged_in_part,
            not_reached,
        } = judgement;
        Self {
            story: story.to_owned(),
            design: design.to_owned(),
            defect: defect.map(str::to_owned),
            seed,
            verdict,
            reason,
            artefacts: String::new(),
            again: String::new(),
            evidence,
            findings,
            expected,
            starved,
            excused_before: Vec::new(),
            not_applicable,
            judged_in_part,
            not_reached,
            figures,
        }
    }

    /// True if CPU starvation may explain all that this play broke.
    pub fn is_excused(&self) -> bool {
        self.verdict == Verdict::Inconclusive && !self.starved.is_empty()
    }

    /// The same, after plays that are excused.
    #[must_use]
    pub fn after(self, excused: &[Self]) -> Self {
        let excused = excused.iter().map(|play| ExcusedPlay {
            reason: play.reason.clone(),
            artefacts: play.artefacts.clone(),
        });
        Self {
            excused_before: excused.collect(),
            ..self
        }
    }
}

impl RunReport {
    /// A run's report from its stories'. A run without a story proves nothing.
    pub fn new(seed: u64, stories: Vec<StoryReport>, figures: RunFigures) -> Self {
        let worst = stories.iter().map(|s| s.verdict).max().unwrap_or(Verdict::Broken);
        let excused = excused(&stories);
        Self {
            schema: SCHEMA,
            verdict: excused.as_ref().map_or(worst, |_| worst.max(Verdict::Inconclusive)),
            seed,
            reason: None,
            excused,
            stories,
            not_applicable: Vec::new(),
            not_seen: Vec::new(),
            figures,
        }
    }

    /// The same, with known bugs that it did not show.
    #[must_use]
    pub fn without_seeing(self, not_seen: Vec<NotSeen>) -> Self {
        Self { not_seen, ..self }
    }

    /// The same, with the stories that could not be played.
    #[must_use]
    pub fn leaving_out(self, not_applicable: &[NotPlayed]) -> Self {
        Self {
            not_applicable: not_applicable.to_vec(),
            ..self
        }
    }

    /// The report of a run that could not be carried out.
    pub fn broken(seed: u64, reason: String) -> Self {
        let figures = RunFigures::default();
        Self {
            schema: SCHEMA,
            verdict: Verdict::Broken,
            seed,
            reason: Some(reason),
            excused: None,
            stories: Vec::new(),
            not_applicable: Vec::new(),
            not_seen: Vec::new(),
            figures,
        }
    }
}

/// Says that too many plays were excused for want of a CPU, if they were.
fn excused(stories: &[StoryReport]) -> Option<String> {
    let before: usize = stories.iter().map(|story| story.excused_before.len()).sum();
    let last = stories.iter().filter(|story| !story.starved.is_empty()).count();
    let (plays, excused) = (stories.len() + before, last + before);
    (excused * 100 > plays * EXCUSED_PERCENT_MAX).then(|| {
        format!(
            "{excused} of {plays} plays broke promises that CPU starvation may explain, which is more than \
             {EXCUSED_PERCENT_MAX} %: the run proves nothing; rerun on an idle machine or with fewer --slots"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run of which so many plays pass, so many break a promise that starvation may explain, and so many break one for certain.
    fn run(passed: usize, starved: usize, failed: usize) -> RunReport {
        let story = |verdict| StoryReport::new("s", "log", None, 7, Judgement::bare(verdict), StoryFigures::default());
        let finding = Finding::bare("BoundedTakeover");
        let unclear = StoryReport {
            starved: vec![finding],
            ..story(Verdict::Inconclusive)
        };
        let mut stories = vec![story(Verdict::Pass); passed];
        stories.extend(vec![unclear; starved]);
        stories.extend(vec![story(Verdict::Fail); failed]);
        RunReport::new(7, stories, RunFigures::default())
    }

    #[test]
    fn a_run_with_more_than_one_excused_play_in_a_hundred_is_inconclusive_and_says_why() {
        let report = run(14, 2, 0);
        assert_eq!((report.verdict, report.verdict.exit_code()), (Verdict::Inconclusive, 2));
        let why = report.excused.expect("a reason");
        assert!(
            why.starts_with("2 of 16 plays broke promises that CPU starvation may explain"),
            "{why}"
        );
        // A broken promise stays one, and the reader is told all the same that much is unclear.
        let report = run(14, 1, 1);
        assert_eq!(report.verdict, Verdict::Fail);
        assert!(report.excused.is_some());
        for (passed, starved) in [(99, 1), (16, 0)] {
            assert_eq!(run(passed, starved, 0).excused, None, "{passed} {starved}");
        }
        // One story without a verdict is no pass, however many others do.
        assert_eq!(run(99, 1, 0).verdict, Verdict::Inconclusive);
    }

    #[test]
    fn an_excused_play_that_was_played_again_counts_as_one_and_decides_nothing() {
        let excused = run(0, 1, 0).stories;
        assert!(excused[0].is_excused());
        let again = |passed: usize| {
            let mut stories = run(passed, 0, 0).stories;
            stories[0] = stories[0].clone().after(&excused);
            RunReport::new(7, stories, RunFigures::default())
        };
        let report = again(99);
        assert_eq!((report.verdict, report.excused), (Verdict::Pass, None));
        assert_eq!(report.stories[0].excused_before.len(), 1);
        let report = again(98);
        assert_eq!(report.verdict, Verdict::Inconclusive);
        let why = report.excused.expect("a reason");
        assert!(why.starts_with("1 of 99 plays"), "{why}");
        assert!(
            run(0, 0, 1)
                .stories
                .iter()
                .chain(&run(1, 0, 0).stories)
                .all(|story| !story.is_excused())
        );
    }

    #[test]
    fn the_document_has_the_published_shape() {
        let judgement = Judgement::bare(Verdict::Fail);
        let story = StoryReport::new("s", "log", None, 7, judgement, StoryFigures::default());
        let value = serde_json::to_value(RunReport::new(7, vec![story], RunFigures::default())).expect("it serialises");
        assert_eq!(value["schema"], 1);
        assert_eq!(value["verdict"], "fail");
        assert_eq!(value["stories"][0]["defect"], serde_json::Value::Null);
        assert_eq!(
            value["stories"][0]["figures"]["seen_to_dead_ms"],
            serde_json::Value::Null
        );
        assert_eq!(value["figures"]["seen_to_dead_ms"]["n"], 0);
        assert_eq!(value["not_applicable"], serde_json::json!([]));
        let left_out = NotPlayed {
            story: "t".into(),
            why: "no part is a redis".into(),
        };
        let report = RunReport::new(7, vec![], RunFigures::default()).leaving_out(&[left_out]);
        let value = serde_json::to_value(report).expect("it serialises");
        let expected = serde_json::json!([{"story": "t", "why": "no part is a redis"}]);
        assert_eq!(value["not_applicable"], expected);
    }

    #[test]
    fn a_run_is_as_good_as_its_worst_story_and_nothing_is_no_pass() {
        assert_eq!(
            RunReport::new(1, vec![], RunFigures::default()).verdict,
            Verdict::Broken
        );
    }
}
