//! Hand-overs that nobody needs, a part of promise 31.
//!
//! A client that is told of a hand-over attaches to another pod and waits there for the rest of its turn. If the turn is over and no other
//! one has begun, the client waits for something that never comes. Deliberately absent: tails that were shown nothing yet, or nothing
//! since a resync, for they may wait for a turn that is about to begin.

use crate::history::{Capability, Chunk, Epoch, TurnId};
use crate::judge::view::{At, Breach, Frame, ROW_LATENESS_US, View, Watcher, oneline};

/// The tails on which a turn was over, and which were told of a hand-over all the same; of each the first.
pub(super) fn judge(view: &View<'_>) -> Vec<Breach> {
    if !view.can(Capability::Handover) || !view.can(Capability::EveryCommit) {
        return Vec::new();
    }
    let told = view.watchers.iter().filter_map(|watcher| needless(view, watcher));
    told.collect()
}

fn needless(view: &View<'_>, watcher: &Watcher<'_>) -> Option<Breach> {
    // The turn of which the tail was shown the finish, and nothing since.
    let mut over: Option<&TurnId> = None;
    let mut newest: Option<Epoch> = None;
    for frame in watcher.frames() {
        match frame.chunk {
            Chunk::Handover { reason } => {
                if let Some(turn) = over.filter(|turn| is_quiet(view, watcher, turn, frame.at)) {
                    return Some(breach(watcher, turn, frame, reason));
                }
            }
            // A finish of an attempt that was superseded ends nothing.
            Chunk::Finish { turn, .. } => over = (epoch_of(&frame) >= newest).then_some(turn),
            Chunk::State { .. } | Chunk::Done => {}
            _ => over = None,
        }
        newest = newest.max(epoch_of(&frame));
    }
    None
}

fn epoch_of(frame: &Frame<'_>) -> Option<Epoch> {
    frame.cursor.and_then(|cursor| cursor.epoch)
}

/// True if the turn was over in the store, and no other turn of the thread can have waited or run at that moment.
fn is_quiet(view: &View<'_>, watcher: &Watcher<'_>, turn: &TurnId, at: At) -> bool {
    let is_over_by = |place: usize, us: u64| view.turns[place].terminal().is_some_and(|row| row.at.us <= us);
    let Some(own) = view.turn(turn) else { return false };
    let mut others = view.threads[watcher.thread].turns.iter().filter(|place| **place != own);
    let is_there = |place: usize| view.turns[place].asked_us() <= at.us + ROW_LATENESS_US;
    is_over_by(own, at.us + ROW_LATENESS_US) && others.all(|place| !is_there(*place) || is_over_by(*place, at.us))
}

fn breach(watcher: &Watcher<'_>, turn: &TurnId, frame: Frame<'_>, reason: &str) -> Breach {
    Breach {
        subject: format!("{}, turn {turn}", watcher.label()),
        thread: Some(watcher.thread),
        n: frame.at.n,
        expected: "the stream's end alone, for the turn's finish was shown and no other turn has begun".into(),
        got: format!("a hand-over: {}", oneline(reason)),
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{Capability, Chunk, Status, TailEnd, What};
    use crate::judge::testing::{
        Play, aimed, closed, died, fault, finish, frame_of, observed, posted, resync, start, takeover, turn_row,
    };

    const NAME: &str = "DrainCompleteness";

    /// The good run, after which pod-3 is told to stop and ends the tails of watchers 3 and 4.
    fn stopped() -> Play {
        let mut play = takeover();
        for watcher in [3, 4] {
            play.without(|what| *what == closed(watcher, TailEnd::Left))
                .put(4_100, closed(watcher, TailEnd::Done));
        }
        play.put(4_000, fault(2, "terminate", "pod-3", aimed()))
            .put(4_200, died("pod-3", 0))
            .put(4_200, fault(2, "terminate", "pod-3", observed()));
        play
    }

    fn handover() -> What {
        let reason = "the pod stops and the turn goes on".to_owned();
        frame_of(3, None, Chunk::Handover { reason })
    }

    fn told(mut play: Play) -> Play {
        play.put(4_050, handover());
        play
    }

    #[test]
    fn a_hand_over_behind_the_finish_is_found() {
        let finding = told(stopped()).breaks(NAME);
        assert_eq!(finding.subject, "w3 on pod-3, turn turn-1");
        assert_eq!(finding.got, "a hand-over: the pod stops and the turn goes on");
    }

    #[test]
    fn a_tail_of_a_turn_that_is_over_ends_without_a_word() {
        stopped().keeps(NAME);
    }

    #[test]
    fn a_hand_over_in_the_middle_of_a_turn_is_needed() {
        let mut play = stopped();
        play.put(1_206, handover());
        play.keeps(NAME);
    }

    #[test]
    fn a_hand_over_with_another_turn_begun_or_waiting_is_needed() {
        let mut begun = stopped();
        begun.put(4_010, start(3, 3, false));
        told(begun).keeps(NAME);
        let mut waiting = stopped();
        waiting.put(4_010, turn_row(200, "turn-2", 0, Status::Queued));
        told(waiting).keeps(NAME);
        // Its row is read late.
        let mut waiting = stopped();
        waiting.put(4_900, turn_row(200, "turn-2", 0, Status::Queued));
        told(waiting).keeps(NAME);
        let mut later = stopped();
        later
            .put(5_500, posted(2, "t-1", "m-2", "key-2"))
            .put(5_600, turn_row(200, "turn-2", 0, Status::Queued));
        told(later).breaks(NAME);
    }

    #[test]
    fn a_tail_that_starts_over_may_wait_for_more() {
        let mut play = stopped();
        play.put(4_010, resync(3));
        told(play).keeps(NAME);
    }

    #[test]
    fn a_finish_of_a_superseded_attempt_ends_nothing() {
        let own = finish(3, 2, 7, Status::Completed);
        let mut play = stopped();
        play.without(|what| *what == own)
            .put(4_010, finish(3, 1, 9, Status::Completed));
        told(play).keeps(NAME);
    }

    #[test]
    fn a_system_without_a_word_for_a_hand_over_is_not_judged() {
        let mut play = told(stopped());
        play.describe(|began| began.capabilities.retain(|can| *can != Capability::Handover));
        play.passes();
        play.is_judged_in_part(NAME, "no hand-over of a turn that is over");
    }
}
