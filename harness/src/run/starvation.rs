//! Tells the history when parts of the cluster, or the harness itself, wait for a processor: on a machine that has too much to do
//! a promise may be broken by nobody's fault. By the kernel's own books, so nothing is told of an engine on another machine.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::slot::Slot;
use crate::history::What;
use crate::history::writer::Recorder;

/// How often it is looked. Short beside every bound of a target, long beside what a look costs.
const LOOK: Duration = Duration::from_millis(250);
/// Who waits for less than one part in so many of the time does not suffer by it, and is not told.
const HARDLY: u32 = 10;
/// The harness's own name in the history.
const HARNESS: &str = "harness";

/// How long each thread of each part has waited since it began.
type Waited = BTreeMap<String, HashMap<String, Duration>>;

/// Looks until told to stop.
pub(super) async fn watch(slot: Arc<Slot>, recorder: Recorder, stop: CancellationToken) {
    let mut before = look(&slot).await;
    let mut last = Instant::now();
    while !stop.is_cancelled() {
        tokio::select! {
            () = tokio::time::sleep_until(last + LOOK) => {}
            () = stop.cancelled() => {}
        }
        let late = last.elapsed().saturating_sub(LOOK);
        let now = look(&slot).await;
        let over = last.elapsed();
        last = Instant::now();
        let mut longest = longest(&before, &now);
        longest.insert(HARNESS.to_owned(), late);
        longest.retain(|_, waited| *waited * HARDLY >= over);
        if !longest.is_empty() {
            let us = |waited: Duration| u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
            recorder.record(What::Starved {
                over_us: us(over),
                waited_us: longest.into_iter().map(|(part, waited)| (part, us(waited))).collect(),
            });
        }
        before = now;
    }
}

/// Beside the harness's own work: some dozens of small files are read.
async fn look(slot: &Arc<Slot>) -> Waited {
    let slot = slot.clone();
    let look = move || -> Waited {
        let waited = slot.cluster.parts().filter_map(|part| {
            let waited = part.waited()?;
            Some((part.service().to_string(), waited))
        });
        waited.collect()
    };
    tokio::task::spawn_blocking(look).await.unwrap_or_default()
}

/// How long that thread of each part waited between two looks that waited longest. A thread's number can be given to another
/// one, which began with nothing.
fn longest(before: &Waited, now: &Waited) -> BTreeMap<String, Duration> {
    let since = |part: &str, thread: &str, total: Duration| {
        let earlier = before.get(part).and_then(|threads| threads.get(thread)).copied();
        total.checked_sub(earlier.unwrap_or_default()).unwrap_or(total)
    };
    let of = |(part, threads): (&String, &HashMap<String, Duration>)| {
        let waited = threads.iter().map(|(thread, total)| since(part, thread, *total));
        Some((part.clone(), waited.max()?))
    };
    now.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_that_waited_longest_is_told_and_new_ones_count_from_nothing() {
        let threads = |threads: &[(&str, u64)]| -> HashMap<String, Duration> {
            let pairs = threads
                .iter()
                .map(|(thread, ms)| ((*thread).to_owned(), Duration::from_millis(*ms)));
            pairs.collect()
        };
        let before = Waited::from([("pod-1".into(), threads(&[("1", 900), ("2", 100), ("3", 500)]))]);
        let now = Waited::from([
            ("pod-1".into(), threads(&[("1", 910), ("2", 150), ("3", 20), ("4", 30)])),
            ("pod-2".into(), threads(&[("9", 7)])),
            ("nats".into(), threads(&[])),
        ]);
        let told = longest(&before, &now);
        let ms = |part: &str| told.get(part).map(Duration::as_millis);
        assert_eq!((ms("pod-1"), ms("pod-2"), ms("nats")), (Some(50), Some(7), None));
    }
}
