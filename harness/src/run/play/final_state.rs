//! The final state of a play: readiness of the pods, leftovers, complaints in logs, and every thread on every pod.
//!
//! Every run records it, so every run has something to judge.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use crate::cluster::LogLine;
use crate::history::{ClientEvent, Credential, FaultStep, PodEvent, PodName, ThreadId, What};
use crate::run::cast::Cast;
use crate::run::cast::turn::Account;
use crate::run::slot::Slot;
use crate::run::stopped::Stopped;
use crate::wait::{self, Look};
use crate::workload::Scrape;

/// Longest that what the play has opened may take to go: the pods notice a client that is gone when they next write to it.
const GONE: Duration = Duration::from_millis(2500);
/// Interval between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Counts and log positions from before the play. The play is judged by what was added since.
#[derive(Default)]
pub(in crate::run) struct Baseline {
    counts: Counts,
    /// How often each pod that tells had stepped down.
    pub(in crate::run) stepped_down: BTreeMap<PodName, u64>,
    /// The newest line of each pod's log.
    newest: BTreeMap<PodName, LogLine>,
}

/// How many there are of each thing that can be left, by pod; those of no pod belong to the cluster.
type Counts = BTreeMap<(Option<PodName>, &'static str), u64>;

impl Baseline {
    /// Looks at a cluster on which nothing is played yet. A count that cannot be read now is taken as nothing.
    pub(in crate::run) async fn look(slot: &Slot) -> Self {
        let newest = slot.pods().iter().map(|pod| async move {
            let line = slot.cluster.pod(pod).ok()?.newest_line().await;
            Some((pod.clone(), line.ok().flatten()?))
        });
        let (scrapes, newest) = tokio::join!(scrape(slot), join_all(newest));
        let stepped_down = &slot.api.system().metrics.superseded;
        Self {
            counts: count(slot, &scrapes).await,
            stepped_down: metric_by_pod(&scrapes, stepped_down),
            newest: newest.into_iter().flatten().collect(),
        }
    }
}

/// Asks every pod whether it can serve. Only its word is wanted: one that says nothing says so in the history.
pub(in crate::run) async fn ask_readiness(cast: &Cast) {
    join_all(cast.pods().iter().map(|pod| cast.is_ready(pod))).await;
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

/// Counts what is left once all clients are gone, giving it the time to go. A count that cannot be read is left out.
pub(in crate::run) async fn count_leftovers(cast: &Cast, baseline: &Baseline) {
    let (slot, counts) = (&cast.slot, &baseline.counts);
    let left = move |now: &Counts| -> Counts {
        let over = |(key, count): (&(Option<PodName>, &'static str), &u64)| {
            (key.clone(), count.saturating_sub(counts.get(key).copied().unwrap_or(0)))
        };
        now.iter().map(over).collect()
    };
    let nothing = wait::until("nothing to be left of the play", GONE, LOOK, || async move {
        let now = left(&count(slot, &scrape(slot).await).await);
        if now.values().all(|count| *count == 0) {
            Look::Done(now)
        } else {
            Look::NotYet(format!("{now:?}"))
        }
    });
    let left = match nothing.await {
        Ok(nothing) => nothing,
        Err(still) => {
            // Not an error of the harness: the judge finds what is left.
            tracing::debug!(%still, "something is left");
            left(&count(slot, &scrape(slot).await).await)
        }
    };
    for ((pod, what), count) in left {
        let what = what.to_owned();
        cast.recorder.record(PodEvent::LeftAfter { pod, what, count });
    }
}

/// The metrics of every pod that tells them now.
async fn scrape(slot: &Slot) -> BTreeMap<PodName, Scrape> {
    let asked = slot.pods().iter().map(|pod| async move {
        let scrape = slot.api.metrics(slot.address(pod).ok()?).await;
        let scrape = scrape.inspect_err(|e| tracing::info!(%pod, error = %e, "its metrics cannot be had"));
        Some((pod.clone(), scrape.ok()?))
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// One metric of each pod that has it.
fn metric_by_pod(scrapes: &BTreeMap<PodName, Scrape>, name: &str) -> BTreeMap<PodName, u64> {
    let values = scrapes.iter().map(|(pod, scrape)| {
        let value = scrape.value(name);
        let value = value.inspect_err(|e| tracing::info!(%pod, error = %e, "not counted"));
        Some((pod.clone(), value.ok()?))
    });
    values.flatten().collect()
}

async fn count(slot: &Slot, scrapes: &BTreeMap<PodName, Scrape>) -> Counts {
    let metrics = &slot.api.system().metrics;
    let names = [
        ("open tails", &metrics.tails_open),
        ("running turns", &metrics.turns_running),
    ];
    let of_pods = names.into_iter().flat_map(|(what, name)| {
        let values = metric_by_pod(scrapes, name).into_iter();
        values.map(move |(pod, count)| ((Some(pod), what), count))
    });
    let mut counts: Counts = of_pods.collect();
    if let Some(consumers) = slot.log_consumers().await {
        counts.insert((None, "consumers of the stream log"), consumers);
    }
    counts
}

/// Tells what the pods have logged since the play began at a level that a healthy pod does not use.
///
/// # Errors
/// The engine does not tell.
pub(in crate::run) async fn record_complaints(cast: &Cast, baseline: &Baseline) -> Result<(), String> {
    for pod in cast.slot.pods() {
        let part = cast.slot.pod(pod).map_err(|e| e.to_string())?;
        let lines = part
            .logs_behind(baseline.newest.get(pod))
            .await
            .map_err(|e| e.to_string())?;
        // Half a line has no level: what is still being written, or was when the pod was killed.
        for line in lines.into_iter().filter(|line| line.is_whole) {
            if let Some(level) = level(&line.text) {
                cast.recorder.record(PodEvent::LogLine {
                    pod: pod.clone(),
                    level: level.to_owned(),
                    line: line.text,
                });
            }
        }
    }
    Ok(())
}

/// `WARN` or `ERROR`, for a line that is of that level; what is no JSON was not logged but cried out, as by a panic.
fn level(line: &str) -> Option<&'static str> {
    let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else {
        return (!line.trim().is_empty()).then_some("ERROR");
    };
    match line.get("level").and_then(serde_json::Value::as_str) {
        Some("WARN") => Some("WARN"),
        Some("ERROR") => Some("ERROR"),
        _ => None,
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
    match cast.slot.api.read(pod, at, owner, thread).await {
        Ok((status, answers)) => {
            cast.recorder.record(PodEvent::ThreadRead {
                pod: pod.clone(),
                thread: thread.clone(),
                turn: None,
                status: Some(status),
                questions: None,
                answers,
            });
        }
        // A pod that does not let its own tenant read is the judge's business.
        Err(e) => access(Credential::Owner, "read", e.status, e.to_string()),
    }
    for route in ["read", "attach"] {
        let (status, body) = cast
            .slot
            .api
            .try_access(at, cast.strangers_session(whose), route, thread)
            .await;
        access(Credential::Foreign, route, status, body);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_level_that_a_healthy_pod_does_not_use_are_told() {
        assert_eq!(level(r#"{"level":"INFO","message":"resync"}"#), None);
        assert_eq!(level(r#"{"level":"WARN","message":"late"}"#), Some("WARN"));
        assert_eq!(level("thread 'main' panicked at src/main.rs:1"), Some("ERROR"));
        assert_eq!(level(""), None);
    }
}
