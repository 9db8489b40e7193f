//! The tally of a matrix: each play on a line of its own, so that the parts of a long matrix add up. Pure.

use serde::{Deserialize, Serialize};

use super::document::StoryReport;
use super::matrix::{Control, Row};
use crate::verdict::{Finding, Verdict};

/// One play of a matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TallyPlay {
    /// Inside design of the system.
    pub design: String,
    /// The defect of its pods. `None` on the clean pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defect: Option<String>,
    /// The story.
    pub story: String,
    /// Its seed.
    pub seed: u64,
    /// The judge's word.
    pub verdict: Verdict,
    /// Number of findings.
    pub findings: u32,
    /// True if a finding is of a promise that the catalogue names for the defect.
    pub named: bool,
    /// Why it was not what it should be, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

impl TallyPlay {
    /// A play, with the promises that name its defect.
    pub fn of(report: &StoryReport, promises: &[String]) -> Self {
        let is_of_the_defect = |finding: &Finding| promises.contains(&finding.promise);
        let named = report.verdict == Verdict::Fail && report.findings.iter().any(is_of_the_defect);
        let is_as_meant = match report.defect {
            Some(_) => named,
            None => report.verdict == Verdict::Pass,
        };
        Self {
            design: report.design.clone(),
            defect: report.defect.clone(),
            story: report.story.clone(),
            seed: report.seed,
            verdict: report.verdict,
            findings: u32::try_from(report.findings.len()).unwrap_or(u32::MAX),
            named,
            trouble: (!is_as_meant).then(|| trouble(report)),
        }
    }

    /// True if it is the play of a story with this seed and defect on this design, whatever came of it.
    pub fn is_of(&self, design: &str, defect: Option<&str>, story: &str, seed: u64) -> bool {
        self.design == design && self.defect.as_deref() == defect && self.story == story && self.seed == seed
    }
}

impl Row {
    /// Adds one of its plays up.
    pub fn count(&mut self, play: &TallyPlay) {
        self.runs += 1;
        self.left = self.left.saturating_sub(1);
        self.caught += u32::from(play.verdict == Verdict::Fail);
        self.named += u32::from(play.named);
        self.troubles.extend(play.trouble.clone());
    }
}

impl Control {
    /// Adds one of its plays up.
    pub fn count(&mut self, play: &TallyPlay) {
        self.runs += 1;
        self.findings += play.findings;
        self.inconclusive += u32::from(play.verdict == Verdict::Inconclusive);
        self.broken += u32::from(play.verdict == Verdict::Broken);
        self.troubles.extend(play.trouble.clone());
    }
}

/// The plays of a tally's text. A last line that does not end was being written when its program died, and is no play.
///
/// # Errors
/// The number of the first line that is no play, and why.
pub fn tally(text: &str) -> Result<Vec<TallyPlay>, (usize, serde_json::Error)> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let play = |(at, line)| serde_json::from_str(line).map_err(|e| (at + 1, e));
    whole.lines().enumerate().map(play).collect()
}

/// Why a play was not what it should be.
fn trouble(report: &StoryReport) -> String {
    let mut promises: Vec<&str> = report.findings.iter().map(|finding| finding.promise.as_str()).collect();
    promises.dedup();
    let why = report.reason.clone().unwrap_or_else(|| promises.join(", "));
    format!(
        "{} seed {}: {:?}: {why} ({}); again: {}",
        report.story, report.seed, report.verdict, report.artefacts, report.again
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(defect: Option<&str>, verdict: Verdict, named: bool) -> TallyPlay {
        TallyPlay {
            design: "log".into(),
            defect: defect.map(str::to_owned),
            story: "a".into(),
            seed: 7,
            verdict,
            findings: u32::from(verdict == Verdict::Fail),
            named,
            trouble: (!named).then(|| "why".to_owned()),
        }
    }

    #[test]
    fn what_is_written_is_read_again_without_a_line_that_was_cut_off() {
        let plays = [
            play(Some("no-fencing"), Verdict::Fail, true),
            play(None, Verdict::Inconclusive, false),
        ];
        let lines = plays
            .clone()
            .map(|play| serde_json::to_string(&play).expect("it serialises") + "\n");
        let text = lines.concat();
        assert_eq!(tally(&text).expect("plays"), plays);
        assert_eq!(tally(&text[..text.len() - 1]).expect("plays"), plays[..1]);
        assert_eq!(tally("").expect("no plays"), []);
        let (line, why) = tally(&format!("{}{{}}\n", lines[0])).expect_err("no play");
        assert_eq!(line, 2);
        assert!(why.to_string().contains("missing field `design`"), "{why}");
    }

    #[test]
    fn rows_and_control_add_their_plays_up() {
        let mut row = Row {
            left: 4,
            ..Row::default()
        };
        for (verdict, named) in [(Verdict::Fail, true), (Verdict::Fail, false), (Verdict::Pass, false)] {
            row.count(&play(Some("no-fencing"), verdict, named));
        }
        assert_eq!((row.caught, row.named, row.runs, row.left), (2, 1, 3, 1));
        assert_eq!(row.troubles, ["why", "why"]);
        let mut control = Control::default();
        for verdict in [Verdict::Fail, Verdict::Pass, Verdict::Inconclusive, Verdict::Broken] {
            control.count(&play(None, verdict, verdict == Verdict::Pass));
        }
        assert_eq!((control.runs, control.findings), (4, 1));
        assert_eq!((control.inconclusive, control.broken), (1, 1));
        assert_eq!(control.troubles.len(), 3);
    }

    #[test]
    fn a_play_is_known_by_its_design_defect_story_and_seed() {
        let known = play(Some("no-fencing"), Verdict::Fail, true);
        assert!(known.is_of("log", Some("no-fencing"), "a", 7));
        for (design, defect, story, seed) in [
            ("sticky", Some("no-fencing"), "a", 7),
            ("log", None, "a", 7),
            ("log", Some("no-fencing"), "b", 7),
            ("log", Some("no-fencing"), "a", 8),
        ] {
            assert!(
                !known.is_of(design, defect, story, seed),
                "{design} {defect:?} {story} {seed}"
            );
        }
    }
}
