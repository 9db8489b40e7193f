//! Verdicts: the result of judging a run, and the findings behind it.

use serde::{Deserialize, Serialize};

/// The result of a run, or of a set of runs. Only [`Verdict::Pass`] passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every applicable promise was judged on the evidence that the story needs, and kept, or broken as was expected.
    Pass,
    /// The evidence that the story needs was not reached: the fault landed late, the takeover never happened.
    /// Or a promise was broken while the system was starved of CPU, so that the cause is unclear.
    Inconclusive,
    /// At least one promise was broken.
    Fail,
    /// Set-up, healing or recording failed: nothing was proved.
    Broken,
}

impl Verdict {
    /// Exit code of the process: 0, 1, 2 or 3.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Inconclusive => 2,
            Self::Broken => 3,
        }
    }
}

/// A broken promise, with what a reader needs to believe it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The promise's name.
    pub promise: String,
    /// The breaker, in words: a watcher, a turn, a pod.
    pub subject: String,
    /// First event of the history that shows it.
    pub event: u64,
    /// The promise's demand there.
    pub expected: String,
    /// The history's content there.
    pub got: String,
    /// Fault in force at that event, if any.
    pub fault: Option<String>,
    /// Owner and epoch before that event (`pod-2 at epoch 1`), where known.
    pub owner_before: Option<String>,
    /// Owner and epoch at the end of the history, where known.
    pub owner_after: Option<String>,
}

#[cfg(test)]
impl Finding {
    /// A finding against a promise that says nothing more.
    pub(crate) fn bare(promise: &str) -> Self {
        Self {
            promise: promise.to_owned(),
            subject: String::new(),
            event: 0,
            expected: String::new(),
            got: String::new(),
            fault: None,
            owner_before: None,
            owner_after: None,
        }
    }
}

/// A promise that was not judged, by name, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotApplicable {
    /// The promise's name.
    pub promise: String,
    /// The capability that the system lacks, or the data that the history lacks.
    pub why: String,
}

/// A clause of a promise that was not judged, by name, with the reason. The rest of the promise was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InPart {
    /// The promise's name.
    pub promise: String,
    /// The clause.
    pub clause: String,
    /// The capability or bound that is missing.
    pub why: String,
}

/// A mark that the story needs, and whether it was reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceMark {
    /// The mark.
    pub mark: String,
    /// True if it was reached.
    pub reached: bool,
}

/// The judgement of one history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// The reason in one line, unless it is a plain pass.
    pub reason: Option<String>,
    /// Broken promises, in the order of their first event.
    pub findings: Vec<Finding>,
    /// Broken promises that the system is known to break here, in the same order. They fail no run.
    pub expected: Vec<Finding>,
    /// Promises that were broken while the system was starved of CPU, and may not have been broken otherwise,
    /// in the same order. They make a run inconclusive.
    pub starved: Vec<Finding>,
    /// The story's evidence.
    pub evidence: Vec<EvidenceMark>,
    /// Promises that were not judged.
    pub not_applicable: Vec<NotApplicable>,
    /// Clauses that were not judged, of promises that were.
    pub judged_in_part: Vec<InPart>,
    /// Promises of which nothing could have been overdue: the run was shorter than their bounds.
    pub not_reached: Vec<NotApplicable>,
}

impl Judgement {
    /// A verdict without findings, evidence or a reason.
    pub fn bare(verdict: Verdict) -> Self {
        Self {
            verdict,
            reason: None,
            findings: vec![],
            expected: vec![],
            starved: vec![],
            evidence: vec![],
            not_applicable: vec![],
            judged_in_part: vec![],
            not_reached: vec![],
        }
    }

    /// The judgement of a run that has no history to judge.
    pub fn broken(reason: String) -> Self {
        Self {
            reason: Some(reason),
            ..Self::bare(Verdict::Broken)
        }
    }
}
