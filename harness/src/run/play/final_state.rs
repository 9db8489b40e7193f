//! The final state of a play: readiness of the pods, leftovers, complaints in logs, and every thread on every pod.
//!
//! Every run records it, so every run has something to judge.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use crate::cluster::LogLine;
use crate::history::{Capability, ClientEvent, Credential, FaultStep, PodEvent, PodName, ThreadId, TurnId, What};
use crate::run::cast::Cast;
use crate::run::cast::turn::Account;
use crate::run::leftovers::{Counts, GONE, HUNG_UP, Left, count, metric_by_pod, scrape};
use crate::run::slot::Slot;
use crate::run::stopped::Stopped;
use crate::system::needs::Need;

/// Counts and log positions from before the play. The play is judged by what was added since.
#[derive(Default)]
pub(in crate::run) struct Baseline {
    pub(in crate::run) counts: Counts,
    /// How often each pod that tells had stepped down.
    pub(in crate::run) stepped_down: BTreeMap<PodName, u64>,
    /// The newest line of each pod's log.
    newest: BTreeMap<PodName, LogLine>,
}

impl Baseline {
    /// Looks at a cluster on which nothing is played yet. A count that cannot be read now is taken as nothing.
    pub(in crate::run) async fn look(slot: &Slot) -> Self {
        let newest = slot.pods().iter().map(|pod| async move {
            let line = slot.cluster.pod(pod).ok()?.newest_line().await;
            Some((pod.clone(), line.ok().flatten()?))
        });
        let (scrapes, newest) = tokio::join!(scrape(slot), join_all(newest));
        let metrics = slot.api.system().description.metrics.as_ref();
        let stepped_down = metrics.and_then(|metrics| metrics.superseded.as_deref());
        Self {
            counts: count(slot, &scrapes).await,
            stepped_down: stepped_down.map_or_else(BTreeMap::new, |name| metric_by_pod(&scrapes, name)),
            newest: newest.into_iter().flatten().collect(),
        }
    }
}

/// Asks every pod whether it can serve. Only its word is wanted: one that says nothing says so in the history.
pub(in crate::run) async fn ask_readiness(cast: &Cast) {
    if cast.can(&[Need::Has(Capability::Ready)]) {
        join_all(cast.pods().iter().map(|pod| cast.is_ready(pod))).await;
    }
}

/// Lets every pod do a client's small piece of work, where something was broken in the play.
///
/// # Errors
/// The harness itself cannot go on; a pod that fails is recorded in the history.
pub(in crate::run) async fn try_every_pod(cast: &mut Cast) -> Result<(), String> {
    let is_fault = |what: &What| matches!(what, What::Fault(fault) if matches!(fault.step, FaultStep::Aimed { .. }));
    let broken = cast.recorder.find(0, |event| is_fault(&event.what).then_some(()));
    if broken.is_none() {
        return Ok(());
    }
    match cast.every_pod_works().await {
        Ok(()) | Err(Stopped::GaveUp(_)) => Ok(()),
        Err(Stopped::Harness(reason)) => Err(reason),
    }
}

/// Counts what is left once all clients are gone, giving it the time to go. A count that cannot be read in the end is left out, and the judge
/// misses it.
pub(in crate::run) async fn count_leftovers(cast: &Cast, baseline: &Baseline) {
    let mut left = Left::default();
    left.comes_to_nothing(&cast.slot, &baseline.counts, GONE).await;
    if left.of_others().all(|count| count == 0) {
        left.comes_to_nothing(&cast.slot, &baseline.counts, HUNG_UP).await;
    }
    for ((pod, what), count) in left.least {
        cast.recorder.record(PodEvent::LeftAfter { pod, what, count });
    }
}

/// Tells the lines that the pods have logged since the play began and that a healthy pod does not write. A line about a turn of an
/// earlier play is none of this one's.
///
/// # Errors
/// The engine does not tell.
pub(in crate::run) async fn record_complaints(cast: &Cast, baseline: &Baseline) -> Result<(), String> {
    let Some(complaint) = &cast.slot.api.system().description.pods.complaint else {
        return Ok(());
    };
    for pod in cast.slot.pods() {
        let part = cast.slot.pod(pod).map_err(|e| e.to_string())?;
        let lines = part
            .logs_behind(baseline.newest.get(pod))
            .await
            .map_err(|e| e.to_string())?;
        // Half a line says nothing: what is still being written, or was when the pod was killed.
        for line in lines.into_iter().filter(|line| line.is_whole) {
            if complaint.finds(&line.text) && !cast.slot.tells_of_an_earlier_play(&line.text).await {
                cast.recorder.record(PodEvent::LogLine {
                    pod: pod.clone(),
                    level: level(&line.text).to_owned(),
                    line: line.text,
                });
            }
        }
    }
    Ok(())
}

/// The level of a complaint: `WARN` if the line says that as JSON, else `ERROR`.
fn level(line: &str) -> &'static str {
    let line: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
    match line.get("level").and_then(serde_json::Value::as_str) {
        Some("WARN") => "WARN",
        _ => "ERROR",
    }
}

/// Reads the play's threads on every pod, as their owner and as a stranger.
pub(in crate::run) async fn read_final_state(cast: &Cast) -> Result<(), String> {
    let others = cast.others.iter().map(|(thread, whose)| (thread, *whose));
    for (thread, whose) in std::iter::once((&cast.thread, Account::Own)).chain(others) {
        for pod in cast.pods() {
            read_on(cast, &pod, thread, whose).await?;
        }
    }
    Ok(())
}

async fn read_on(cast: &Cast, pod: &PodName, thread: &ThreadId, whose: Account) -> Result<(), String> {
    let at = cast.slot.address(pod).map_err(|e| e.to_string())?;
    let access = |credential, route: &str, status, body| {
        let (pod, thread, route) = (pod.clone(), thread.clone(), route.to_owned());
        cast.recorder.record(ClientEvent::Access {
            pod,
            credential,
            thread,
            route,
            status,
            body,
        });
    };
    let owner = if whose == Account::Own {
        &cast.reader
    } else {
        &cast.stranger
    };
    let turns: Vec<&TurnId> = cast
        .turns
        .iter()
        .filter(|turn| turn.thread == *thread)
        .map(|turn| &turn.id)
        .collect();
    for turn in asked_for(&cast.slot, &turns) {
        match cast.slot.api.read((pod, at), owner, thread, turn).await {
            Ok(None) => {}
            Ok(Some(read)) => {
                cast.recorder.record(PodEvent::ThreadRead {
                    pod: pod.clone(),
                    thread: thread.clone(),
                    turn: turn.cloned(),
                    status: read.status,
                    questions: read.questions.map(Into::into),
                    answers: read.answers,
                });
            }
            // A pod that does not let its own tenant read is the judge's business.
            Err(e) => access(Credential::Owner, "read", e.status, e.to_string()),
        }
    }
    for turn in &turns {
        match cast.slot.api.status((pod, at), owner, thread, turn).await {
            Ok(None) => {}
            Ok(Some((status, error))) => {
                cast.recorder.record(PodEvent::StatusRead {
                    pod: pod.clone(),
                    thread: thread.clone(),
                    turn: (*turn).clone(),
                    status,
                    error,
                });
            }
            Err(e) => access(Credential::Owner, "status", e.status, e.to_string()),
        }
    }
    for route in ["read", "attach"] {
        let (status, body) = cast
            .slot
            .api
            .try_access(at, cast.strangers_session(whose), route, thread, turns.last().copied())
            .await;
        access(Credential::Foreign, route, status, body);
    }
    Ok(())
}

/// The turns that a thread's reading is asked for, one by one; once without a turn if a reading shows the whole thread.
fn asked_for<'t>(slot: &Slot, turns: &[&'t TurnId]) -> Vec<Option<&'t TurnId>> {
    if slot.api.reads_turn_by_turn() {
        turns.iter().copied().map(Some).collect()
    } else {
        vec![None]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::System;

    #[test]
    fn lines_that_a_healthy_reference_pod_does_not_write_are_told_with_their_level() {
        let complaint = System::reference().description.pods.complaint;
        let complaint = complaint.expect("it is described");
        assert!(!complaint.finds(r#"{"level":"INFO","message":"resync"}"#));
        assert!(!complaint.finds(""));
        for (line, expected) in [
            (r#"{"level":"WARN","message":"late"}"#, "WARN"),
            (r#"{"level":"ERROR","message":"lost"}"#, "ERROR"),
            ("thread 'main' panicked at src/main.rs:1", "ERROR"),
        ] {
            assert!(complaint.finds(line), "{line}");
            assert_eq!(level(line), expected);
        }
    }
}
