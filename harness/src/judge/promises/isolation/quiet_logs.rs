//! Promise 47: a healthy pod logs no warning and no error.
//!
//! The lines are collected after the play, because a pod's clock is not the harness's. So a play in which
//! anything was broken is not judged: nobody can tell which line is of the time before. A line that names a turn is not held against
//! a pod if the turn failed, or if the provider refused a call for it or broke one off: a system may say so in its log.

use std::collections::BTreeSet;

use crate::history::{Capability, Status};
use crate::judge::view::{Breach, Call, Complaint, Turn, View, oneline};
use crate::judge::{Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 47,
    name: "QuietLogs",
    statement: "in a run in which nothing is broken no pod logs a line at WARN or ERROR",
    needs: &[Need::Can(Capability::Complaint)],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    if view.faults.iter().next().is_some() {
        return Vec::new();
    }
    let excused: Vec<&str> = view
        .turns
        .iter()
        .filter(|turn| may_be_told_of(view, turn))
        .map(|turn| turn.id.as_str())
        .collect();
    let is_excused = |line: &&Complaint<'_>| excused.iter().any(|turn| line.line.contains(turn));
    let mut reported = BTreeSet::new();
    let complaints = view.complaints.iter().filter(|line| !is_excused(line));
    let first = complaints.filter(|line| reported.insert(line.pod));
    first
        .map(|line| Breach {
            subject: line.pod.to_string(),
            thread: None,
            n: line.at.n,
            expected: "no line at WARN or ERROR, as nothing was broken".into(),
            got: format!("{}: {}", line.level, oneline(line.line)),
        })
        .collect()
}

/// True for a turn that failed, or that the provider did not answer to the end.
fn may_be_told_of(view: &View<'_>, turn: &Turn<'_>) -> bool {
    let is_failed = turn.rows.iter().any(|row| row.status == Status::Failed);
    let Some(expect) = turn.expect else { return is_failed };
    let cut = |call: &&Call<'_>| {
        call.cause
            .is_some_and(|cause| cause.starts_with("error:") || cause.starts_with("end:"))
    };
    is_failed || view.calls.iter().filter(cut).any(|call| *call.key == expect.key)
}

#[cfg(test)]
mod tests {
    use crate::history::{PodEvent, What};
    use crate::judge::testing::{call_ends, taken_from_a_live_owner, takeover};

    const NAME: &str = "QuietLogs";

    fn line(pod: &str) -> What {
        What::Pod(PodEvent::LogLine {
            pod: pod.into(),
            level: "ERROR".into(),
            line: r#"{"level":"ERROR","message":"request failed"}"#.into(),
        })
    }

    #[test]
    fn a_complaint_beside_a_fault_is_not_judged_and_without_one_it_is_found_once_a_pod() {
        let mut play = takeover();
        play.put(14_000, line("pod-1"));
        play.passes();
        let mut play = taken_from_a_live_owner(0);
        play.keeps(NAME);
        play.put(14_000, line("pod-1"))
            .put(14_000, line("pod-1"))
            .put(14_000, line("pod-2"));
        let findings = play.findings(NAME);
        assert_eq!(findings.len(), 2, "{findings:#?}");
        assert!(findings[0].got.starts_with("ERROR: "), "{}", findings[0].got);
    }

    #[test]
    fn a_turn_that_the_provider_broke_off_may_be_told_of_and_nothing_else() {
        let told = |text: &str| {
            What::Pod(PodEvent::LogLine {
                pod: "pod-1".into(),
                level: "ERROR".into(),
                line: text.into(),
            })
        };
        for cause in ["error:500", "end:reset"] {
            let mut play = taken_from_a_live_owner(0);
            play.put(14_000, call_ends(2, "pod-1", cause));
            play.put(14_001, told("turn-1 failed"));
            play.keeps(NAME);
            play.put(14_002, told("turn-7 failed"));
            play.breaks(NAME);
        }
        let mut play = taken_from_a_live_owner(0);
        play.put(14_001, told("turn-1 failed"));
        play.breaks(NAME);
    }
}
