//! Promise 21: every client that waits for a turn is shown its end.

use crate::history::Bound;
use crate::judge::view::{Breach, Due, Turn, View, Watcher};
use crate::judge::{Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 21,
    name: "TerminalReachesClient",
    statement: "every watcher that attached before a turn was over, and did not leave or lose its pod, is shown the finish \
                within the bound after the terminal is committed",
    needs: &[Need::Within(Bound::Terminal)],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    view.dues()
        .filter_map(|(watcher, turn, _, due)| check(view, watcher, turn, due))
        .collect()
}

fn check(view: &View<'_>, watcher: &Watcher<'_>, turn: &Turn<'_>, due: Due) -> Option<Breach> {
    let terminal = turn.terminal()?;
    let bound_ms = view.bounds.terminal_ms;
    let since_ms = |us: u64| us.saturating_sub(terminal.at.us) / 1000;
    let (n, got) = match due {
        Due::Finished {
            finish,
            by_us: Some(by_us),
        } if finish.at.us > by_us => (finish.at.n, format!("a finish {} ms after it", since_ms(finish.at.us))),
        Due::Overdue { by_us } => {
            // Watched to here at least; the history may go on far beyond.
            (terminal.at.n, format!("no finish, {} ms after it", since_ms(by_us)))
        }
        Due::BrokeOff { at } => {
            let end = watcher.closed.map(|(_, end)| format!("{end:?}")).unwrap_or_default();
            (
                at.n,
                format!("the tail ended without it: {}", crate::judge::view::oneline(&end)),
            )
        }
        Due::Nothing | Due::Finished { .. } => return None,
    };
    Some(Breach {
        subject: format!("{}, turn {}", watcher.label(), turn.id),
        thread: turn.thread,
        n,
        expected: format!(
            "a finish within {bound_ms} ms of the terminal row ({:?})",
            terminal.status
        ),
        got,
    })
}

#[cfg(test)]
mod tests {
    use crate::history::{Chunk, ClientEvent, Epoch, FaultStep, Start, Status, TailEnd, What};
    use crate::judge::testing::{
        aimed, closed, fault, finish, frame_of, is_frame_of, observed, opened, resync, state, takeover, turn_row,
    };

    const NAME: &str = "TerminalReachesClient";

    #[test]
    fn a_finish_in_time_is_accepted() {
        takeover().keeps(NAME);
    }

    #[test]
    fn a_finish_that_never_comes_is_found() {
        let mut play = takeover();
        play.without(|what| *what == finish(3, 2, 7, Status::Completed));
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "w3 on pod-3, turn turn-1");
        assert_eq!(
            finding.expected,
            "a finish within 1000 ms of the terminal row (Completed)"
        );
    }

    #[test]
    fn a_finish_that_comes_late_is_found() {
        let mut play = takeover();
        play.move_to(2300, &finish(3, 2, 7, Status::Completed));
        assert_eq!(play.breaks(NAME).got, "a finish 1069 ms after it");
    }

    #[test]
    fn a_watcher_on_a_paused_pod_has_the_bound_from_its_wake_up_on() {
        let mut play = takeover();
        play.put(1231, fault(2, "pause", "pod-3", aimed()))
            .put(1231, fault(2, "pause", "pod-3", observed()));
        play.put(5000, fault(2, "pause", "pod-3", FaultStep::Healed));
        for watcher in [3, 4] {
            play.move_to(5500, &finish(watcher, 2, 7, Status::Completed));
        }
        play.keeps(NAME);
        play.move_to(6500, &finish(3, 2, 7, Status::Completed));
        play.breaks(NAME);
    }

    #[test]
    fn a_tail_that_ends_for_no_reason_is_found() {
        let mut play = takeover();
        play.without_from(1204, is_frame_of(3));
        play.without_from(1234, |what| *what == closed(3, TailEnd::Left))
            .put(1204, closed(3, TailEnd::Eof));
        let finding = play.breaks(NAME);
        assert_eq!(finding.got, "the tail ended without it: Eof");
    }

    #[test]
    fn a_tail_of_a_pod_that_was_told_to_stop_may_end() {
        let mut play = takeover();
        play.without_from(1204, is_frame_of(3));
        play.without_from(1234, |what| *what == closed(3, TailEnd::Left))
            .put(1204, closed(3, TailEnd::Done));
        play.put(1203, fault(2, "terminate", "pod-3", aimed()));
        play.keeps(NAME);
    }

    #[test]
    fn a_database_that_can_be_read_keeps_no_finish_back_and_breaks_no_tail() {
        for (name, is_excuse) in [("connections-exhausted", true), ("read-only", false)] {
            let mut late = takeover();
            late.put(1231, fault(2, name, "postgres", aimed()))
                .put(1231, fault(2, name, "postgres", observed()))
                .put(5000, fault(2, name, "postgres", FaultStep::Healed));
            let mut broken = late.clone();
            late.move_to(5500, &finish(3, 2, 7, Status::Completed));
            broken.without_from(1232, is_frame_of(3));
            broken
                .without_from(1234, |what| *what == closed(3, TailEnd::Left))
                .put(1232, closed(3, TailEnd::Eof));
            for play in [late, broken] {
                if is_excuse {
                    play.keeps(NAME);
                } else {
                    play.breaks(NAME);
                }
            }
        }
    }

    #[test]
    fn sessions_that_were_ended_and_a_stream_that_was_deleted_excuse_nothing_once_they_are() {
        for (name, target) in [("backends-terminated", "postgres"), ("stream-deleted", "nats")] {
            let mut play = takeover();
            play.put(1220, fault(2, name, target, aimed()))
                .put(1221, fault(2, name, target, observed()))
                .put(1222, fault(2, name, target, FaultStep::Healed));
            play.clone().keeps(NAME);
            play.move_to(2300, &finish(3, 2, 7, Status::Completed));
            play.breaks(NAME);
        }
    }

    /// Past the head a cursor is a guess, and may be the finish that is about to come.
    #[test]
    fn who_resumes_from_the_finish_is_due_none() {
        for (cursor, is_due) in [("2-7", false), ("2-6", true)] {
            let mut play = takeover();
            play.put(1_225, opened(6, "pod-2", Some(cursor)))
                .put(1_225, state(6, Status::InProgress, Some("turn-1")));
            assert_eq!(play.findings(NAME).len(), usize::from(is_due), "{cursor}");
        }
    }

    #[test]
    fn a_turn_that_a_resync_leads_past_is_read_and_not_shown() {
        let mut play = takeover();
        play.put(1_205, opened(6, "pod-2", Some("2-9")))
            .put(1_205, state(6, Status::InProgress, Some("turn-1")));
        play.put(1_210, turn_row(120, "turn-2", 0, Status::Queued));
        let unled = play.clone();
        let next = Chunk::Start(Box::new(Start {
            turn: "turn-2".into(),
            epoch: Some(Epoch(3)),
            reset: false,
            answer: None,
        }));
        play.put(1_240, resync(6)).put(1_241, frame_of(6, Some((3, 0)), next));
        play.keeps(NAME);
        assert_eq!(unled.findings(NAME).len(), 1);
    }

    #[test]
    fn a_tail_may_end_before_its_revocation_is_answered() {
        let mut play = takeover();
        play.without_from(1204, is_frame_of(3));
        play.without_from(1234, |what| *what == closed(3, TailEnd::Left))
            .put(1204, closed(3, TailEnd::Eof));
        let revoked = |pod: &str| {
            What::Client(ClientEvent::Revoked {
                tenant: "tenant-a".into(),
                pod: pod.into(),
                session: None,
            })
        };
        let mut late = play.clone();
        late.put(3_000, revoked("pod-1")).breaks(NAME);
        play.put(1_210, revoked("pod-1")).keeps(NAME);
    }

    #[test]
    fn a_history_that_ends_before_the_bound_is_not_judged() {
        let mut play = takeover();
        play.without(|what| *what == finish(3, 2, 7, Status::Completed));
        play.move_to(2000, &closed(3, TailEnd::Left));
        play.keeps(NAME);
    }
}
