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
/// The words in which a run says that it awaited the pods in vain: at their own ports, and at the edge, which takes no pod in that
/// is not well.
const AWAITED: [&str; 2] = [" from /ready on port ", " to lead to pod-"];
/// The words in which a play says that the first turns of a cluster came to nothing.
const NO_TURN: &str = "so nothing is judged: ";

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
        let never_ready = self.verdict == Verdict::Broken
            && match first {
                Some(_) => self.stories.iter().all(Play::has_no_fit_pod),
                None => AWAITED.iter().any(|words| first_line.contains(words)),
            };
        Some(if never_ready {
            Outcome::NeverReady { why }
        } else {
            Outcome::Unclear { why }
        })
    }
}

impl Play {
    /// True if nothing was judged, since pods did not come up or their first turns came to nothing.
    fn has_no_fit_pod(&self) -> bool {
        let reason = self.reason.as_deref().unwrap_or_default();
        self.verdict == Verdict::Broken && (self.story == START || reason.contains(NO_TURN))
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
        let never_ready = |stories: &serde_json::Value, reason| {
            matches!(says("broken", stories, reason), Some(Outcome::NeverReady { .. }))
        };
        assert!(never_ready(&json!([start]), None));
        for awaited in [
            "pod-1: awaited 2xx from /ready on port 8080 for 60.0s, last seen: 503",
            "edge: awaited the entry free (port 8003) to lead to pod-1, pod-2, pod-3 for 60.0s, last seen: no answer in 2s",
        ] {
            assert!(never_ready(&json!([]), Some(awaited)), "{awaited}");
        }
        let hangs = |story| {
            let reason = "the harness failed: the set-up is not proven, so nothing is judged: pod-2 ran a turn and did not reach provider";
            play(story, "broken", Some(reason), &[])
        };
        assert!(never_ready(&json!([hangs("a"), hangs("b")]), None));
        assert!(!never_ready(&json!([passed, hangs("b")]), None), "a pod was fit before");
        assert_eq!(
            says("broken", &json!([]), Some("no engine")),
            Some(Outcome::Unclear {
                why: "no engine".into()
            })
        );
    }
}
