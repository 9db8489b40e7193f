//! Turns that were over before a tail was asked for, a part of promise 5.
//!
//! A client that opens a thread has read the finished answers already: a tail that begins with one of them shows it twice. Only a system
//! that promises so much is held to it. Deliberately absent: tails with a cursor, which may lie inside of a finished turn; what follows a
//! resync, which leads to the newest turn whatever became of it; and tails of one turn, which show that turn.

use std::collections::BTreeMap;

use crate::history::{Capability, Chunk};
use crate::judge::view::{Breach, Frame, Turn, View, Watcher, name};

/// Time that a turn must have been over, and told, before a tail is asked for, in microseconds.
const LONG_OVER_US: u64 = 1_000_000;

/// The tails that begin with a turn which was over long before; of each the first such frame.
pub(super) fn judge(view: &View<'_>) -> Vec<Breach> {
    let needs = [
        Capability::SkipsFinished,
        Capability::EveryCommit,
        Capability::FrameTurn,
    ];
    if !needs.iter().all(|need| view.can(*need)) {
        return Vec::new();
    }
    let told_us = first_told(view);
    let fresh = view
        .watchers
        .iter()
        .filter(|watcher| watcher.is_from_start() && watcher.cursor.is_none() && watcher.turn.is_none());
    fresh
        .filter_map(|watcher| shown_again(view, watcher, &told_us))
        .collect()
}

/// When a tail first showed each turn's finish. A finish behind a resync is left out: it may come from the store, before the log has it.
fn first_told(view: &View<'_>) -> BTreeMap<usize, u64> {
    let mut told_us = BTreeMap::new();
    let seen = view.watchers.iter().flat_map(|watcher| &watcher.turns);
    for (place, seen) in seen {
        let first = seen.finishes.iter().find(|finish| finish.resyncs == 0);
        if let Some(us) = first.map(|finish| finish.at.us) {
            let earliest = told_us.entry(*place).or_insert(us);
            *earliest = us.min(*earliest);
        }
    }
    told_us
}

fn shown_again(view: &View<'_>, watcher: &Watcher<'_>, told_us: &BTreeMap<usize, u64>) -> Option<Breach> {
    let mut last = None;
    let shown = watcher
        .frames()
        .take_while(|frame| !matches!(frame.chunk, Chunk::Resync { .. }));
    for frame in shown {
        let place = frame.chunk.turn().and_then(|turn| view.turn_again(turn, &mut last));
        let known = place.and_then(|place| Some((&view.turns[place], *told_us.get(&place)?)));
        let Some((turn, over_us)) = known.and_then(|(turn, told_us)| Some((turn, over_us(turn, told_us)?))) else {
            continue;
        };
        if over_us + LONG_OVER_US <= watcher.asked_us && !is_excused(view, watcher, turn, frame) {
            let before_ms = (watcher.asked_us - over_us) / 1000;
            return Some(Breach {
                subject: format!("{}, turn {}", watcher.label(), turn.id),
                thread: Some(watcher.thread),
                n: frame.at.n,
                expected: format!(
                    "the turn in flight or the next one: this one was over and told {before_ms} ms before the tail was asked for"
                ),
                got: name(frame.chunk),
            });
        }
    }
    None
}

/// When a turn was over in the store and on a tail. Returns `None` if the store never said so.
fn over_us(turn: &Turn<'_>, told_us: u64) -> Option<u64> {
    turn.terminal().map(|row| row.at.us.max(told_us))
}

/// True if something that all pods depend on was broken: pods may tell of a turn again once its log was lost.
fn is_excused(view: &View<'_>, watcher: &Watcher<'_>, turn: &Turn<'_>, frame: Frame<'_>) -> bool {
    view.is_in_aftermath(watcher.asked_us)
        || view.is_in_aftermath(frame.at.us)
        || view.may_be_missing_from_the_log(Some(turn.id), frame.at.us)
}

#[cfg(test)]
mod tests {
    use crate::history::{Capability, Chunk, FaultStep, Status, WatcherEvent, What};
    use crate::judge::testing::{
        Play, aimed, delta, fault, finish, frame_of, observed, opened, resync, start, state, takeover, token,
    };

    const NAME: &str = "NoPhantom";
    /// The turn's end is told at 1232.
    const LONG_AFTER_MS: u64 = 2_240;

    /// The good run, in which a seventh watcher asks at `ms` and is shown the turn, which is over, from its start.
    fn shown_again(ms: u64, cursor: Option<&str>, before: Option<What>) -> Play {
        let mut play = takeover();
        play.put(ms, opened(7, "pod-3", cursor))
            .put(ms, state(7, Status::Completed, Some("turn-1")));
        if let Some(before) = before {
            play.put(ms, before);
        }
        play.put(ms + 1, start(7, 2, false));
        for k in 1..=6 {
            play.put(ms + 2, delta(7, 2, u64::from(k), token(2, k)));
        }
        play.put(ms + 3, finish(7, 2, 7, Status::Completed));
        play
    }

    #[test]
    fn a_turn_that_was_over_and_told_long_before_is_found_on_a_fresh_tail() {
        let finding = shown_again(LONG_AFTER_MS, None, None).breaks(NAME);
        assert_eq!(finding.subject, "w7 on pod-3, turn turn-1");
        assert_eq!(
            finding.expected,
            "the turn in flight or the next one: this one was over and told 1008 ms before the tail was asked for"
        );
        assert_eq!(finding.got, "start of turn turn-1");
    }

    #[test]
    fn a_tail_that_is_asked_for_soon_after_the_end_may_show_it() {
        shown_again(LONG_AFTER_MS - 10, None, None).keeps(NAME);
        // A slow reader opens long after it asked.
        let mut play = shown_again(LONG_AFTER_MS, None, None);
        play.change(|what| match what {
            What::Watcher(WatcherEvent::TailOpened { watcher, .. }) if watcher.0 == 7 => {
                let mut slow = what.clone();
                if let What::Watcher(WatcherEvent::TailOpened { asked_us, .. }) = &mut slow {
                    *asked_us = 1_300_000;
                }
                Some(slow)
            }
            _ => None,
        });
        play.keeps(NAME);
    }

    #[test]
    fn a_tail_with_a_cursor_and_one_that_starts_over_may_show_it() {
        shown_again(LONG_AFTER_MS, Some("2-0"), None).keeps(NAME);
        shown_again(LONG_AFTER_MS, None, Some(resync(7))).keeps(NAME);
    }

    #[test]
    fn a_turn_whose_end_no_tail_was_shown_but_behind_a_resync_may_be_told_later() {
        let mut play = shown_again(LONG_AFTER_MS, None, None);
        for watcher in 2..=4 {
            play.put(1231, resync(watcher));
        }
        play.keeps(NAME);
    }

    #[test]
    fn a_turn_whose_log_may_have_been_lost_may_be_told_again() {
        let mut play = shown_again(LONG_AFTER_MS, None, None);
        play.put(1_100, fault(2, "kill", "nats", aimed()))
            .put(1_100, fault(2, "kill", "nats", observed()))
            .put(1_150, fault(2, "kill", "nats", FaultStep::Healed));
        play.keeps(NAME);
    }

    #[test]
    fn a_turn_in_flight_and_the_next_one_are_no_concern_of_it() {
        takeover().keeps(NAME);
        let mut play = takeover();
        play.put(LONG_AFTER_MS, opened(7, "pod-3", None))
            .put(LONG_AFTER_MS, state(7, Status::Completed, Some("turn-1")))
            .put(LONG_AFTER_MS + 1, frame_of(7, None, Chunk::Done));
        play.keeps(NAME);
    }

    #[test]
    fn a_system_that_promises_no_such_start_is_not_judged() {
        let mut play = shown_again(LONG_AFTER_MS, None, None);
        play.describe(|began| began.capabilities.retain(|can| *can != Capability::SkipsFinished));
        play.keeps(NAME);
        play.is_judged_in_part(NAME, "no turn that was over before");
    }
}
