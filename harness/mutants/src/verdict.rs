//! The report of a run on a mutant: the fields of `verdict.json` that decide. Pure.

use serde::Deserialize;

use crate::played::Outcome;

/// A run's report.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    verdict: Verdict,
    /// Why the run could not be carried out.
    reason: Option<String>,
    /// Why the run as a whole proves nothing.
    excused: Option<String>,
    /// The plays, in order.
    pub(crate) stories: Vec<Play>,
}

/// One story played once.
#[derive(Debug, Deserialize)]
pub(crate) struct Play {
    story: String,
    verdict: Verdict,
    /// Why, where it is not a plain pass.
    reason: Option<String>,
    findings: Vec<Finding>,
}

/// A broken promise.
#[derive(Debug, Deserialize)]
struct Finding {
    promise: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Pass,
    Fail,
    Inconclusive,
    Broken,
}

/// Name of the report about clusters that do not come up.
const START: &str = "cluster_start";
/// The words in which a run says that it awaited the pods in vain.
const READINESS: &str = " from /ready on port ";

impl Report {
    /// The outcome of the mutant, by the run. Returns `None` if every story passed.
    pub(crate) fn says(&self) -> Option<Outcome> {
        let broken = self
            .stories
            .iter()
            .find_map(|play| Some((play, play.findings.first()?)));
        if let Some((play, finding)) = broken {
            return Some(Outcome::Killed {
                story: play.story.clone(),
                promise: finding.promise.clone(),
            });
        }
        if self.verdict == Verdict::Pass {
            return None;
        }
        let first = self.stories.iter().find(|play| play.verdict != Verdict::Pass);
        let (story, reason) = match first {
            Some(play) => (Some(&play.story), play.reason.as_ref()),
            None => (None, self.reason.as_ref().or(self.excused.as_ref())),
        };
        let reason = reason.map_or("no reason is given", String::as_str);
        let first_line = reason.lines().next().unwrap_or_default();
        let why = story.map_or_else(|| first_line.to_owned(), |story| format!("{story}: {first_line}"));
        let never_ready = match first {
            Some(play) => play.verdict == Verdict::Broken && play.story == START,
            None => self.verdict == Verdict::Broken && first_line.contains(READINESS),
        };
        Some(if never_ready {
            Outcome::NeverReady { why }
        } else {
            Outcome::Unclear { why }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn says(verdict: &str, stories: &serde_json::Value, reason: Option<&str>) -> Option<Outcome> {
        let report = json!({"schema": 1, "verdict": verdict, "seed": 7, "reason": reason, "stories": stories});
        let report: Report = serde_json::from_value(report).expect("a report");
        report.says()
    }

    #[test]
    fn a_broken_promise_kills_and_nothing_else_but_a_pod_that_never_comes_up_does() {
        let play = |story: &str, verdict: &str, reason: Option<&str>, promises: &[&str]| {
            let findings: Vec<_> = promises.iter().map(|promise| json!({"promise": promise})).collect();
            json!({"story": story, "verdict": verdict, "reason": reason, "findings": findings})
        };
        let passed = play("a", "pass", None, &[]);
        assert_eq!(says("pass", &json!([passed]), None), None);
        let unclear = play("b", "inconclusive", Some("evidence\nis missing"), &[]);
        let killed = play("c", "fail", None, &["NoLoss", "NoSplice"]);
        assert_eq!(
            says("fail", &json!([passed, unclear, killed]), None),
            Some(Outcome::Killed {
                story: "c".into(),
                promise: "NoLoss".into()
            })
        );
        assert_eq!(
            says("inconclusive", &json!([passed, unclear]), None),
            Some(Outcome::Unclear {
                why: "b: evidence".into()
            })
        );
        let start = play(
            "cluster_start",
            "broken",
            Some("pod-1: awaited readiness for 30 s"),
            &[],
        );
        assert!(matches!(
            says("broken", &json!([start]), None),
            Some(Outcome::NeverReady { .. })
        ));
        let awaited = "pod-1: awaited 2xx from /ready on port 8080 for 60.0s, last seen: 503";
        assert!(matches!(
            says("broken", &json!([]), Some(awaited)),
            Some(Outcome::NeverReady { .. })
        ));
        assert_eq!(
            says("broken", &json!([]), Some("no engine")),
            Some(Outcome::Unclear {
                why: "no engine".into()
            })
        );
    }
}
