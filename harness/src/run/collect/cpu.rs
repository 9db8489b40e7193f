//! Records what the system's parts use of the CPUs, and when parts of the cluster, or the harness itself, wait for a CPU.
//!
//! On an overloaded machine a promise may be broken through no fault of the system, unless the system itself is the load. The
//! numbers are the kernel's, so an engine on another machine gives none.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::load::{Times, load, longest_waits, us};
use super::waits::Waits;
use crate::cluster::{PartHandle, ProcessorTimes};
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

/// One look, and what was read.
struct Seen {
    at: Instant,
    times: Times,
    /// How late the harness itself came to this look.
    late: Duration,
}

/// Looks until `stop` is cancelled.
pub(in crate::run) async fn watch(slot: Arc<Slot>, recorder: Recorder, stop: CancellationToken) {
    let mut waits = Waits::default();
    let mut first = look(&slot, Duration::ZERO).await;
    let began = first.at;
    waits.correct(&mut first.times.threads, Duration::ZERO);
    let mut seen = VecDeque::from([first]);
    while let (Some(last), false) = (seen.back(), stop.is_cancelled()) {
        let due = last.at + LOOK;
        tokio::select! {
            () = tokio::time::sleep_until(due) => {}
            () = stop.cancelled() => {}
        }
        let mut now = look(&slot, due.elapsed()).await;
        waits.correct(&mut now.times.threads, now.at.duration_since(began));
        if let Some(load) = load(&last.times, &now.times, now.at.duration_since(last.at)) {
            recorder.record(MachineEvent::Cpu(load));
        }
        seen.push_back(now);
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
    let mut longest = longest_waits(&first.times, &last.times);
    longest.insert(HARNESS.to_owned(), seen.iter().skip(1).map(|look| look.late).sum());
    longest.retain(|_, waited| *waited * HARDLY >= over);
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
    let look = move || {
        let parts = || slot.cluster.parts();
        let times = |part: &PartHandle| Some((part.service().to_owned(), part.thread_times()?));
        let ours = parts().filter(|part| part.part().role.is_ours());
        Times {
            threads: parts().filter_map(times).collect(),
            ours: ours.map(|part| part.service().to_owned()).collect(),
            processors: ProcessorTimes::now(),
        }
    };
    let times = tokio::task::spawn_blocking(look).await.unwrap_or_default();
    Seen {
        at: Instant::now(),
        times,
        late,
    }
}
