//! Promise 46: a tail shows no frame that is not in its thread's stream log.
//!
//! `NoPhantom` judges that a tail shows only turns of its own thread, `MonotoneCursor` that its ids increase and
//! mean one event, `ResumeGapFree` that it has no hole; with the stream log in the history all of them compare
//! the tail with it. This promise judges the rest: frames that a pod makes up.
//!
//! A frame is judged only if the log certainly never held it, because its neighbours lay side by side there.
//! A frame of a turn that ran while a dependency was broken, or shortly after, is not judged: it may have come from the database before it
//! reached the log, or instead of reaching it. Neither is one of a turn that had begun when the log was lost.

use crate::history::Capability;
use crate::judge::view::{Breach, Frame, Log, View, Watcher, name, tell};
use crate::judge::{Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 46,
    name: "SliceOfTheLog",
    statement: "a tail delivers a slice of its thread's stream log: every frame on it has its place there",
    needs: &[Need::Can(Capability::Cursor), Need::Can(Capability::StreamLog)],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    view.watchers
        .iter()
        .filter_map(|watcher| check(view, watcher, view.log(watcher)))
        .collect()
}

fn check(view: &View<'_>, watcher: &Watcher<'_>, log: &Log<'_>) -> Option<Breach> {
    let mut near = 0;
    let mut frames = watcher.frames().filter(Frame::is_content);
    frames.find_map(|frame| {
        let cursor = frame.cursor?;
        let place = log.place(cursor, near)?;
        near = place + 1;
        if !log.surely_lacks(place) || view.may_be_missing_from_the_log(frame.chunk.turn(), frame.at.us) {
            return None;
        }
        let title = format!("{}, where the thread's log has none", name(frame.chunk));
        Some(Breach {
            subject: watcher.label(),
            thread: Some(watcher.thread),
            n: frame.at.n,
            expected: format!("no frame {}", tell(cursor)),
            got: log.diff(&title, '+', place..place + 1),
        })
    })
}

#[cfg(test)]
mod tests {
    use crate::history::{Epoch, FaultStep, Status, StoreEvent, WatcherEvent, What};
    use crate::judge::testing::{
        self as events, Play, aimed, delta, fault, observed, opened, resync, start, takeover, token,
    };

    const NAME: &str = "SliceOfTheLog";

    /// A frame as the stream log holds it, those of an attempt side by side.
    fn logged(frame: What) -> What {
        let What::Watcher(WatcherEvent::Frame { cursor: Some(at), .. }) = &frame else {
            panic!("not a frame of an answer: {frame:?}")
        };
        events::logged((at.epoch.map_or(0, |epoch| epoch.0) * 100 + at.seq) as u32, frame)
    }

    /// The good run with its stream log.
    fn with_a_log() -> Play {
        let mut play = takeover();
        for k in 1..=3 {
            play.put(20, logged(delta(1, 1, k, token(1, k as u32))));
        }
        play.put(1203, logged(start(2, 2, true)));
        for k in 1..=6 {
            play.put(1230, logged(delta(2, 2, k, token(2, k as u32))));
        }
        play.put(1240, logged(crate::judge::testing::finish(2, 2, 7, Status::Completed)));
        play
    }

    fn is_logged(seq: u64) -> impl Fn(&What) -> bool {
        move |what| matches!(what, What::Store(StoreEvent::Logged { cursor: Some(c), .. }) if (c.epoch, c.seq) == (Some(Epoch(2)), seq))
    }

    /// The same, but that the log never held 2-4: what lay around it lies side by side.
    fn told_without_the_fourth() -> Play {
        let mut play = with_a_log();
        play.without(is_logged(4));
        for frame in [
            delta(2, 2, 5, token(2, 5)),
            delta(2, 2, 6, token(2, 6)),
            crate::judge::testing::finish(2, 2, 7, Status::Completed),
        ] {
            let old = logged(frame);
            let mut new = old.clone();
            if let What::Store(StoreEvent::Logged { seq, .. }) = &mut new {
                *seq -= 1;
            }
            play.turn_into(&old, new);
        }
        play
    }

    #[test]
    fn tails_that_show_the_log_are_accepted_and_without_a_log_nothing_is_judged() {
        with_a_log().passes();
        takeover().keeps(NAME);
    }

    #[test]
    fn a_frame_that_the_log_never_held_is_found_and_shown_in_its_place() {
        let mut play = told_without_the_fourth();
        let finding = play.breaks(NAME);
        assert_eq!(
            (finding.subject.as_str(), finding.expected.as_str()),
            ("w2 on pod-2", "no frame 2-4")
        );
        let lines: Vec<&str> = finding.got.lines().map(str::trim).collect();
        assert_eq!(lines.len(), 6, "{lines:?}");
        assert!(lines[3].starts_with("+ 2-4 text "), "{lines:?}");
        assert!(
            lines[1].starts_with("2-2 ") && lines[5].starts_with("2-6 "),
            "{lines:?}"
        );
        // Out of the database, while the log was away.
        play.put(1190, fault(2, "kill", "nats", aimed()));
        play.keeps(NAME);
    }

    /// A fault excuses the turns that ran while it was in force, and no later one.
    #[test]
    fn a_fault_of_a_dependency_does_not_excuse_the_rest_of_the_run() {
        let mut play = told_without_the_fourth();
        for (ms, step) in [(2_000, aimed()), (2_001, observed()), (2_100, FaultStep::Healed)] {
            play.put(ms, fault(2, "stop", "nats", step));
        }
        play.breaks(NAME);
        // The same turn, asked long after another fault was healed.
        let mut play = told_without_the_fourth();
        for (ms, step) in [(2, aimed()), (3, observed()), (4, FaultStep::Healed)] {
            play.put(ms, fault(2, "stop", "nats", step));
        }
        play.keeps(NAME);
        play.delay_from(5, 4_000).breaks(NAME);
        // A log that is lost after the turn may have held its frames before.
        let mut play = told_without_the_fourth();
        play.put(1_235, fault(2, "storage-wiped", "nats", aimed()));
        play.put(9_000, opened(6, "pod-2", Some("2-3")));
        for k in 4..=6 {
            play.put(9_001, delta(6, 2, k, token(2, k as u32)));
        }
        let of_the_sixth = |play: &Play| {
            play.findings(NAME)
                .iter()
                .any(|finding| finding.subject.starts_with("w6 "))
        };
        assert!(!of_the_sixth(&play));
        play.without(|what| matches!(what, What::Fault(event) if event.id == 2));
        assert!(of_the_sixth(&play));
    }

    #[test]
    fn what_may_have_been_cleared_or_is_not_stored_yet_is_not_judged() {
        let mut play = with_a_log();
        play.without(
            |what| matches!(what, What::Store(StoreEvent::Logged { cursor: Some(c), .. }) if c.epoch == Some(Epoch(1))),
        );
        for seq in [0, 1, 7, 6] {
            play.without(is_logged(seq));
        }
        play.keeps(NAME);
        // Between the third and the fifth lay something that was gone before it was read.
        let mut play = with_a_log();
        play.without(is_logged(4));
        play.keeps(NAME);
    }

    #[test]
    fn a_frame_of_the_log_that_no_tail_shows_is_a_hole() {
        let mut play = with_a_log();
        play.without(|what| (2..=4).any(|watcher| *what == delta(watcher, 2, 4, token(2, 4))));
        let finding = play.breaks("ResumeGapFree");
        assert_eq!(finding.expected, "2-4 right behind 2-3, or a resync");
        let lines: Vec<&str> = finding.got.lines().map(str::trim).collect();
        assert!(lines[3].starts_with("- 2-4 "), "{lines:?}");
        // Without the stream log no source shows the frame.
        play.without(is_logged(4)).keeps("ResumeGapFree");
    }

    #[test]
    fn a_frame_that_is_not_as_the_log_holds_it_is_found() {
        let mut play = with_a_log();
        play.without(is_logged(4));
        play.put(1200, logged(delta(2, 2, 4, token(2, 5))));
        assert!(play.breaks("MonotoneCursor").expected.contains("under id 2-4"));
    }

    #[test]
    fn a_cursor_that_only_the_log_knows_can_be_resumed_from() {
        let mut play = with_a_log();
        play.without(|what| (2..=4).any(|watcher| *what == delta(watcher, 2, 1, token(2, 1))));
        play.put(9_000, opened(6, "pod-2", Some("2-1")));
        for k in 2..=6 {
            play.put(9_001, delta(6, 2, k, token(2, k as u32)));
        }
        let of_the_sixth = play.findings("ResumeGapFree");
        assert!(
            of_the_sixth.iter().all(|finding| finding.subject != "w6 on pod-2"),
            "{of_the_sixth:?}"
        );
    }

    #[test]
    fn another_threads_messages_are_not_its_log() {
        let mut play = with_a_log();
        let mut stranger = logged(delta(2, 2, 4, "else "));
        if let What::Store(StoreEvent::Logged { thread, .. }) = &mut stranger {
            *thread = Some("t-2".into());
        }
        play.put(1, stranger).put(1205, resync(3)).put(1205, start(3, 2, true));
        for k in 1..=3 {
            play.put(1205, delta(3, 2, k, token(2, k as u32)));
        }
        play.keeps("MonotoneCursor");
        play.keeps(NAME);
    }
}
