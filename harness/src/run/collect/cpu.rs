//! Records when parts of the cluster, or the harness itself, wait for a CPU.
//!
//! On an overloaded machine a promise may be broken through no fault of the system. The numbers are the kernel's, so an engine on another
//! machine gives none.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::history::writer::Recorder;
use crate::history::{Event, MachineEvent, What};
use crate::run::slot::Slot;

/// Interval between two looks. Short beside every bound of a system, long beside the cost of a look.
const LOOK: Duration = Duration::from_millis(250);
/// Each look is compared with the one so many before it: a second, as long as bounds and leases are.
const BACK: usize = 4;
/// A part that waited for less than one in so many of that time does not suffer by it, and is not recorded.
const HARDLY: u32 = 4;
/// The harness's own name in the history.
const HARNESS: &str = "harness";

/// How long each thread of each part has waited since it began.
type Waited = BTreeMap<String, HashMap<String, Duration>>;

/// True if the history says, from event `from` on, that some part waited for most of the time.
pub(in crate::run) fn starved_since(recorder: &Recorder, from: u64) -> bool {
    let most = |event: &Event| match &event.what {
        What::Machine(MachineEvent::Starved { over_us, waited_us }) => waited_us
            .values()
            .any(|us| us.saturating_mul(2) >= *over_us)
            .then_some(()),
        _ => None,
    };
    recorder.find(from, most).is_some()
}

/// The times that one look read.
struct Seen {
    at: Instant,
    waited: Waited,
    /// How late the harness itself came to this look.
    late: Duration,
}

/// Looks until `stop` is cancelled.
pub(in crate::run) async fn watch(slot: Arc<Slot>, recorder: Recorder, stop: CancellationToken) {
    let mut seen = VecDeque::from([look(&slot, Duration::ZERO).await]);
    while let (Some(last), false) = (seen.back(), stop.is_cancelled()) {
        let due = last.at + LOOK;
        tokio::select! {
            () = tokio::time::sleep_until(due) => {}
            () = stop.cancelled() => {}
        }
        seen.push_back(look(&slot, due.elapsed()).await);
        if let Some(event) = starved_event(&seen) {
            recorder.record(event);
        }
        if seen.len() > BACK {
            seen.pop_front();
        }
    }
}

/// The event for the parts that waited between the first look and the last. `None` if no part did.
fn starved_event(seen: &VecDeque<Seen>) -> Option<What> {
    let (first, last) = (seen.front()?, seen.back()?);
    let over = last.at.duration_since(first.at);
    let mut longest = longest(&first.waited, &last.waited);
    longest.insert(HARNESS.to_owned(), seen.iter().skip(1).map(|look| look.late).sum());
    longest.retain(|_, waited| *waited * HARDLY >= over);
    let us = |waited: Duration| u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
    (!longest.is_empty()).then(|| {
        What::Machine(MachineEvent::Starved {
            over_us: us(over),
            waited_us: longest.into_iter().map(|(part, waited)| (part, us(waited))).collect(),
        })
    })
}

/// Beside the harness's own work: some dozens of small files are read.
async fn look(slot: &Arc<Slot>, late: Duration) -> Seen {
    let slot = slot.clone();
    let look = move || -> Waited {
        let waited = slot.cluster.parts().filter_map(|part| {
            let waited = part.waited()?;
            Some((part.service().to_owned(), waited))
        });
        waited.collect()
    };
    let waited = tokio::task::spawn_blocking(look).await.unwrap_or_default();
    Seen {
        at: Instant::now(),
        waited,
        late,
    }
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
        let waited = longest(&before, &now);
        let ms = |part: &str| waited.get(part).map(Duration::as_millis);
        assert_eq!((ms("pod-1"), ms("pod-2"), ms("nats")), (Some(50), Some(7), None));
    }
}
