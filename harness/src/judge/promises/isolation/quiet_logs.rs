//! Promise 40: a healthy pod logs no warning and no error.
//!
//! The lines are collected after the play, because a pod's clock is not the harness's. So a play in which
//! anything was broken is not judged: nobody can tell which line is of the time before.

use std::collections::BTreeSet;

use crate::history::Capability;
use crate::judge::view::{Breach, View, oneline};
use crate::judge::{Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 40,
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
    let mut reported = BTreeSet::new();
    let first = view.complaints.iter().filter(|line| reported.insert(line.pod));
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

#[cfg(test)]
mod tests {
    use crate::history::{PodEvent, What};
    use crate::judge::testing::{taken_from_a_live_owner, takeover};

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
}
