//! The part of each thread's waiting for a processor that can be true.
//!
//! Newer kernels now and then count a sleep as waiting, all of it at once: on Linux 6.18 an idle session of PostgreSQL waited for
//! 7.1 s within 0.25 s. A thread cannot have waited for longer than since it was last seen neither to run nor to wait, so what grows by more is
//! left out.
//!
//! Pure; [`super::cpu`] looks.

use std::collections::HashMap;
use std::time::Duration;

use super::load::Threads;
use crate::cluster::ThreadTimes;

/// A look is no moment: on a busy machine the files of all threads are read over some time.
const READING: Duration = Duration::from_millis(50);

/// The waiting of each thread from the first look on, look by look.
#[derive(Debug, Default)]
pub(super) struct Waits {
    /// When the look before was; none before the first.
    at: Option<Duration>,
    /// By part and thread number.
    known: HashMap<(String, String), Known>,
}

/// A thread at a look.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// The kernel's counts.
    told: ThreadTimes,
    /// How long the thread has waited since the first look, as far as that can be true.
    believed: Duration,
    /// The last moment at which it did not wait, as far as the looks tell.
    free_at: Duration,
}

impl Known {
    /// A thread that was there before the first look. What it waited until then is nobody's concern.
    fn first(told: ThreadTimes, at: Duration) -> Self {
        Self {
            told,
            believed: Duration::ZERO,
            free_at: at,
        }
    }

    /// A thread that was not there at the look before. One that has waited for longer was only not listed then.
    fn new(told: ThreadTimes, (before, at): (Duration, Duration)) -> Self {
        let nothing = Self {
            told: ThreadTimes::default(),
            believed: Duration::ZERO,
            free_at: before,
        };
        nothing.after(told, told.waited, (before, at))
    }

    /// The same thread at the next look, or another one with its number.
    fn next(self, told: ThreadTimes, (before, at): (Duration, Duration)) -> Self {
        let is_the_same = told.ran >= self.told.ran && told.turns >= self.told.turns;
        match told.waited.checked_sub(self.told.waited).filter(|_| is_the_same) {
            Some(waited) => self.after(told, waited, (before, at)),
            None => Self::new(told, (before, at)),
        }
    }

    /// The thread after the kernel has counted so much more waiting.
    fn after(self, told: ThreadTimes, waited: Duration, (before, at): (Duration, Duration)) -> Self {
        let can_be = waited <= at.saturating_sub(self.free_at) + READING;
        let has_run = told.turns != self.told.turns;
        Self {
            told,
            believed: self.believed + if can_be { waited } else { Duration::ZERO },
            free_at: match (told.is_runnable, has_run) {
                (false, _) => at,
                (true, true) => before,
                (true, false) => self.free_at,
            },
        }
    }
}

impl Waits {
    /// Puts into a look how long each thread has waited since the first one, as far as that can be true. `at` is the time of the look.
    pub(super) fn correct(&mut self, threads: &mut Threads, at: Duration) {
        let before = std::mem::take(&mut self.known);
        for (part, threads) in threads {
            for (number, told) in threads {
                let thread = (part.clone(), number.clone());
                let now = match (self.at, before.get(&thread)) {
                    (None, _) => Known::first(*told, at),
                    (Some(last), None) => Known::new(*told, (last, at)),
                    (Some(last), Some(known)) => known.next(*told, (last, at)),
                };
                told.waited = now.believed;
                self.known.insert(thread, now);
            }
        }
        self.at = Some(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One thread at one look: how long it ran and waited in milliseconds, its turns, and whether it is runnable.
    type Look = (u64, u64, u64, bool);

    /// The waiting in milliseconds that is believed at each look, a quarter of a second apart. At `None` the thread is not listed.
    fn believed(looks: &[Option<Look>]) -> Vec<Option<u128>> {
        let mut waits = Waits::default();
        let at = (0..).map(|n| Duration::from_millis(250) * n);
        let looked = looks.iter().zip(at).map(|(look, at)| {
            let told = look.map(|(ran, waited, turns, is_runnable)| ThreadTimes {
                ran: Duration::from_millis(ran),
                waited: Duration::from_millis(waited),
                turns,
                is_runnable,
            });
            let listed = told.map(|told| ("7".to_owned(), told));
            let mut threads = Threads::from([("pod-1".to_owned(), listed.into_iter().collect())]);
            waits.correct(&mut threads, at);
            let corrected = threads["pod-1"].get("7");
            corrected.map(|times| times.waited.as_millis())
        });
        looked.collect()
    }

    #[test]
    fn what_a_thread_can_have_waited_is_believed_from_the_first_look_on() {
        let looks = [(5, 900, 10, false), (9, 1_100, 30, false), (9, 1_340, 31, true)];
        assert_eq!(believed(&looks.map(Some)), [Some(0), Some(200), Some(440)]);
    }

    #[test]
    fn a_sleep_that_is_counted_as_waiting_is_left_out() {
        let looks = [
            (5, 100, 10, false),
            (5, 100, 10, false),
            (6, 7_200, 11, false),
            (7, 7_210, 12, false),
        ];
        assert_eq!(believed(&looks.map(Some)), [Some(0), Some(0), Some(0), Some(10)]);
    }

    #[test]
    fn a_wait_that_lasts_for_several_looks_is_believed() {
        let waits = [
            (5, 0, 10, false),
            (5, 0, 10, true),
            (5, 0, 10, true),
            (5, 0, 10, true),
            (6, 900, 11, false),
        ];
        assert_eq!(believed(&waits.map(Some)).last(), Some(&Some(900)));
        // A thread that has run since cannot have waited for all of that time.
        let runs = [
            (5, 0, 10, false),
            (5, 0, 10, true),
            (9, 0, 14, true),
            (9, 0, 14, true),
            (9, 900, 15, false),
        ];
        assert_eq!(believed(&runs.map(Some)).last(), Some(&Some(0)));
    }

    #[test]
    fn a_new_thread_counts_from_nothing_and_one_that_was_not_listed_does_not() {
        let looks = [None, Some((1, 200, 3, false)), None, Some((1, 400, 4, false))];
        assert_eq!(believed(&looks), [None, Some(200), None, Some(0)]);
        // Its number is given to another one.
        let another = [(5, 900, 10, false), (1, 30, 2, false), (2, 40, 3, false)];
        assert_eq!(believed(&another.map(Some)), [Some(0), Some(30), Some(40)]);
    }
}
