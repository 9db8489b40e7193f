//! Leftovers: what pods, stores and the kernel still count of a play, or of a part of it, once its clients are gone.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;

use super::slot::Slot;
use crate::history::PodName;
use crate::wait::{self, Look};
use crate::workload::Scrape;

/// Longest that what the play has opened may take to go: the pods notice a client that is gone when they next write to it, and a
/// session that is kept warm goes after its idle time.
pub(super) const GONE: Duration = Duration::from_secs(4);
/// Longest that a pod may keep a connection beyond that whose client has hung up: the next sign of life that it writes there tells.
pub(super) const HUNG_UP: Duration = Duration::from_secs(30);
/// The name for connections that only the client has closed.
const HALF_CLOSED: &str = "connections whose client has hung up";
/// Interval between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// How many there are of each thing that can be left, by pod; those of no pod belong to the cluster.
pub(super) type Counts = BTreeMap<(Option<PodName>, String), u64>;

/// The leftovers of a play: the least that was counted at any look, for a pod may be at something when it is looked at.
#[derive(Default)]
pub(super) struct Left {
    pub(super) least: Counts,
}

impl Left {
    /// Looks until nothing is left, or the bound is over.
    pub(super) async fn comes_to_nothing(&mut self, slot: &Slot, before: &Counts, bound: Duration) {
        let least = Mutex::new(std::mem::take(&mut self.least));
        let nothing = wait::until("nothing to be left of the play", bound, LOOK, || async {
            let now = count(slot, &scrape(slot).await).await;
            let mut least = least.lock().unwrap_or_else(PoisonError::into_inner);
            for (key, count) in now {
                let over = count.saturating_sub(before.get(&key).copied().unwrap_or(0));
                let known = least.entry(key).or_insert(over);
                *known = over.min(*known);
            }
            // A pod that does not answer now may answer at the next look.
            let is_whole = before.keys().all(|key| least.contains_key(key));
            if is_whole && least.values().all(|count| *count == 0) {
                Look::Done(())
            } else {
                Look::NotYet(format!("{least:?}"))
            }
        });
        if let Err(still) = nothing.await {
            // Not an error of the harness: the judge finds what is left.
            tracing::debug!(%still, "something is left");
        }
        self.least = least.into_inner().unwrap_or_else(PoisonError::into_inner);
    }

    /// The counts of what a pod need not write to anybody to see.
    pub(super) fn of_others(&self) -> impl Iterator<Item = u64> {
        let others = self.least.iter().filter(|((_, what), _)| what != HALF_CLOSED);
        others.map(|(_, count)| *count)
    }
}

/// The metrics of every pod that tells them now.
pub(super) async fn scrape(slot: &Slot) -> BTreeMap<PodName, Scrape> {
    if slot.api.system().description.metrics.is_none() {
        return BTreeMap::new();
    }
    let asked = slot.pods().iter().map(|pod| async move {
        let scrape = slot.api.metrics(slot.address(pod).ok()?).await;
        let scrape = scrape.inspect_err(|e| tracing::info!(%pod, error = %e, "its metrics cannot be had"));
        Some((pod.clone(), scrape.ok()?))
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// One metric of each pod that has it.
pub(super) fn metric_by_pod(scrapes: &BTreeMap<PodName, Scrape>, name: &str) -> BTreeMap<PodName, u64> {
    let values = scrapes.iter().map(|(pod, scrape)| {
        let value = scrape.value(name);
        let value = value.inspect_err(|e| tracing::info!(%pod, error = %e, "not counted"));
        Some((pod.clone(), value.ok()?))
    });
    values.flatten().collect()
}

/// How many there are now of each thing that can be left.
pub(super) async fn count(slot: &Slot, scrapes: &BTreeMap<PodName, Scrape>) -> Counts {
    let metrics = slot.api.system().description.metrics.iter();
    let gauges = metrics.flat_map(|metrics| &metrics.gone_at_the_end);
    let of_pods = gauges.flat_map(|(what, name)| {
        let values = metric_by_pod(scrapes, name).into_iter();
        values.map(move |(pod, count)| ((Some(pod), what.clone()), count))
    });
    let mut counts: Counts = of_pods.collect();
    if let Some(consumers) = slot.log_consumers().await {
        counts.insert((None, "consumers of the stream log".to_owned()), consumers);
    }
    if let Some(subscriptions) = slot.log_subscriptions().await {
        counts.insert((None, "subscriptions to the stream log".to_owned()), subscriptions);
    }
    if let Some(transactions) = slot.idle_transactions().await {
        counts.insert((None, "sessions idle in a transaction".to_owned()), transactions);
    }
    let half_closed = slot.half_closed().into_iter();
    counts.extend(half_closed.map(|(pod, count)| ((Some(pod), HALF_CLOSED.to_owned()), count)));
    counts
}
