//! Two looks at threads and processors, compared: what each part used in between.
//!
//! Pure; [`super::cpu`] looks.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::cluster::{ProcessorTimes, ThreadTimes};
use crate::history::{Load, PartLoad};

/// A thread that runs for so long at each of its turns waits for nothing but processors. The threads of the reference's pods and
/// stores run for 0.2 ms at a time.
const TURN_USED_UP: Duration = Duration::from_micros(700);

/// The times of the threads of each part, by thread number.
pub(super) type Threads = BTreeMap<String, HashMap<String, ThreadTimes>>;

/// The values that one look read.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// Parts of the system, and those of the harness.
    pub(super) threads: Threads,
    /// Names of the parts among them that are the harness's.
    pub(super) ours: Vec<String>,
    /// `None` if the kernel does not tell.
    pub(super) processors: Option<ProcessorTimes>,
}

/// The use by each thread of one part between two looks. A thread's number can be given to another one, which began with nothing.
fn used<'t>(
    before: &'t Threads,
    part: &str,
    now: &'t HashMap<String, ThreadTimes>,
) -> impl Iterator<Item = ThreadTimes> + 't {
    let before = before.get(part);
    now.iter().map(move |(thread, total)| {
        let earlier = before.and_then(|threads| threads.get(thread)).copied();
        earlier.and_then(|earlier| since(*total, earlier)).unwrap_or(*total)
    })
}

/// `None` if the later times are those of another thread.
fn since(later: ThreadTimes, earlier: ThreadTimes) -> Option<ThreadTimes> {
    Some(ThreadTimes {
        ran: later.ran.checked_sub(earlier.ran)?,
        waited: later.waited.checked_sub(earlier.waited)?,
        turns: later.turns.checked_sub(earlier.turns)?,
        is_runnable: later.is_runnable,
    })
}

/// How long that thread of each part waited between two looks that waited longest.
pub(super) fn longest_waits(before: &Times, now: &Times) -> BTreeMap<String, Duration> {
    let of = |(part, threads): (&String, &HashMap<String, ThreadTimes>)| {
        let waited = used(&before.threads, part, threads).map(|thread| thread.waited);
        Some((part.clone(), waited.max()?))
    };
    now.threads.iter().filter_map(of).collect()
}

/// The load between two looks that are `over` apart. `None` if the kernel tells nothing of the processors.
pub(super) fn load(before: &Times, now: &Times, over: Duration) -> Option<Load> {
    let (earlier, later) = (before.processors?, now.processors?);
    // A part that was not there at the look before has nothing to be compared with.
    let is_compared = |part: &&String| before.threads.contains_key(*part) && !now.ours.contains(part);
    let parts = now.threads.keys().filter(is_compared);
    Some(Load {
        over_us: us(over),
        processors: later.processors,
        idle_us: us(later.idle.saturating_sub(earlier.idle)),
        stolen_us: us(later.stolen.saturating_sub(earlier.stolen)),
        parts: parts
            .map(|part| (part.clone(), of_part(used(&before.threads, part, &now.threads[part]))))
            .collect(),
    })
}

fn of_part(threads: impl Iterator<Item = ThreadTimes>) -> PartLoad {
    threads.fold(PartLoad::default(), |sum, thread| {
        let (ran_us, waited_us) = (us(thread.ran), us(thread.waited));
        let uses_up = thread.turns > 0 && thread.ran.as_nanos() >= TURN_USED_UP.as_nanos() * u128::from(thread.turns);
        PartLoad {
            ran_us: sum.ran_us + ran_us,
            waited_us: sum.waited_us + waited_us,
            greedy_us: sum.greedy_us + if uses_up { ran_us + waited_us } else { 0 },
        }
    })
}

pub(super) fn us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(ran_ms: u64, waited_ms: u64, turns: u64) -> ThreadTimes {
        ThreadTimes {
            ran: Duration::from_millis(ran_ms),
            waited: Duration::from_millis(waited_ms),
            turns,
            is_runnable: false,
        }
    }

    fn threads(threads: &[(&str, ThreadTimes)]) -> HashMap<String, ThreadTimes> {
        threads
            .iter()
            .map(|(thread, times)| ((*thread).to_owned(), *times))
            .collect()
    }

    fn look(parts: &[(&str, HashMap<String, ThreadTimes>)], idle_ms: u64) -> Times {
        Times {
            threads: parts
                .iter()
                .map(|(part, threads)| ((*part).to_owned(), threads.clone()))
                .collect(),
            ours: vec!["links".to_owned()],
            processors: Some(ProcessorTimes {
                processors: 2,
                idle: Duration::from_millis(idle_ms),
                stolen: Duration::from_millis(idle_ms / 10),
            }),
        }
    }

    #[test]
    fn the_thread_that_waited_longest_is_told_and_new_ones_count_from_nothing() {
        let waited = |ms| times(0, ms, 0);
        let before = [("1", waited(900)), ("2", waited(100)), ("3", waited(500))];
        let before = look(&[("pod-1", threads(&before))], 0);
        let now = [
            ("1", waited(910)),
            ("2", waited(150)),
            ("3", waited(20)),
            ("4", waited(30)),
        ];
        let now = [
            ("pod-1", threads(&now)),
            ("pod-2", threads(&[("9", waited(7))])),
            ("nats", threads(&[])),
        ];
        let waited = longest_waits(&before, &look(&now, 0));
        let ms = |part: &str| waited.get(part).map(Duration::as_millis);
        assert_eq!((ms("pod-1"), ms("pod-2"), ms("nats")), (Some(50), Some(7), None));
    }

    #[test]
    fn a_load_adds_up_what_threads_used_and_marks_those_that_use_their_turns_up() {
        let served = ("1", times(100, 10, 1_000));
        let before = look(
            &[
                ("pod-1", threads(&[served, ("2", times(50, 50, 20))])),
                ("links", threads(&[("7", times(0, 0, 0))])),
            ],
            1_000,
        );
        let now = look(
            &[
                (
                    "pod-1",
                    threads(&[("1", times(120, 15, 1_500)), ("2", times(250, 90, 120))]),
                ),
                ("links", threads(&[("7", times(9, 9, 9))])),
                ("pod-2", threads(&[("8", times(9, 9, 9))])),
            ],
            1_100,
        );
        let load = load(&before, &now, Duration::from_millis(250)).expect("a load");
        assert_eq!((load.over_us, load.processors), (250_000, 2));
        assert_eq!((load.idle_us, load.stolen_us), (100_000, 10_000));
        let pod = PartLoad {
            ran_us: 220_000,
            waited_us: 45_000,
            greedy_us: 240_000,
        };
        assert_eq!(load.parts, BTreeMap::from([("pod-1".to_owned(), pod)]));
    }

    #[test]
    fn a_kernel_that_does_not_tell_of_its_processors_gives_no_load() {
        let told = look(&[], 0);
        let untold = Times {
            processors: None,
            ..Times::default()
        };
        assert_eq!(load(&told, &untold, Duration::from_secs(1)), None);
    }
}
