//! Promise 42: who may watch a thread may come back to it, whatever became of an older tail.
//!
//! A client that loses its connection without a word leaves a tail that its pod believes open. A pod that counts such tails turns
//! the client away, who then sees nothing until the pod finds out. Judged are attaches of a session that was shown the thread
//! before, to pods that nothing is wrong with. Cursors that may be refused are left to `ResumeGapFree`, strangers to
//! `TenantIsolation`.

use std::ops::RangeInclusive;

use super::refused_cursors::is_excused;
use crate::judge::Promise;
use crate::judge::view::{Breach, Refused, View, oneline};

pub(crate) const PROMISE: Promise = Promise {
    number: 42,
    name: "ReattachAllowed",
    statement: "a session that was shown a thread, and is still good, is not refused an attach to it (429 and 503 ask it to come \
                again) by a pod that does not say that it is not ready, also while an older tail of the session is believed open",
    needs: &[],
    clauses: &[],
    has_more: true,
    judge,
};

/// Statuses by which a pod turns a client away.
const REFUSALS: RangeInclusive<u16> = 400..=599;
/// Statuses that ask a client to come again: a limit that is reached, a pod that cannot serve at the moment.
const FOR_A_TIME: [u16; 2] = [429, 503];

fn judge(view: &View<'_>) -> Vec<Breach> {
    view.refused.iter().filter_map(|refused| check(view, refused)).collect()
}

fn check(view: &View<'_>, refused: &Refused<'_>) -> Option<Breach> {
    let status = refused
        .status
        .filter(|status| REFUSALS.contains(status) && !FOR_A_TIME.contains(status))?;
    let is_judged = view.is_pod(refused.pod.as_str()) && refused.asked_us > 0 && asks_for_a_known_place(refused);
    let before = open_tails(view, refused)?;
    if !is_judged
        || !is_there(view, refused)
        || !is_ready(view, refused)
        || may_have_another_cause(view, refused, status)
    {
        return None;
    }
    Some(Breach {
        subject: format!("attach of {} on {}", refused.watcher, refused.pod),
        thread: Some(refused.thread),
        n: refused.at.n,
        expected: format!("a stream, for its session was shown the thread and has {before} tails of it open there"),
        got: format!("a refusal: {}", oneline(refused.reason)),
    })
}

/// True if it gave no cursor, or one that the stream had handed out.
fn asks_for_a_known_place(refused: &Refused<'_>) -> bool {
    let is_handed_out = refused.resumes.is_some_and(|(_, at)| at.us < refused.asked_us);
    refused.cursor.is_none_or(str::is_empty) || is_handed_out
}

/// How many tails of the session on this pod were not closed yet. `None` if the session was never shown the thread.
fn open_tails(view: &View<'_>, refused: &Refused<'_>) -> Option<usize> {
    let session = refused.session?;
    let own = view
        .watchers
        .iter()
        .filter(|tail| tail.session == Some(session) && tail.thread == refused.thread);
    let mut own = own.filter(|tail| tail.opened.n < refused.at.n).peekable();
    own.peek()?;
    let is_open = |closed_n: Option<u64>| closed_n.is_none_or(|n| n > refused.at.n);
    let open = own.filter(|tail| tail.pod == refused.pod && is_open(tail.closed.map(|(at, _)| at.n)));
    Some(open.count())
}

/// True unless the tail was to show one turn, and that turn is not known to have been in flight.
fn is_there(view: &View<'_>, refused: &Refused<'_>) -> bool {
    let Some(turn) = refused.turn else { return true };
    let turn = view.turn(turn).map(|place| &view.turns[place]);
    turn.is_some_and(|turn| {
        let has_begun = turn.rows.first().is_some_and(|row| row.at.us < refused.asked_us);
        has_begun && turn.terminal().is_none_or(|row| row.at.us > refused.at.us)
    })
}

/// True unless the pod's last word before, or its next one, is that it is not ready.
fn is_ready(view: &View<'_>, refused: &Refused<'_>) -> bool {
    let own = || view.polls.iter().filter(move |poll| poll.pod == refused.pod);
    let before = own().take_while(|poll| poll.at.us <= refused.asked_us).last();
    let after = own().find(|poll| poll.at.us > refused.asked_us);
    [before, after].into_iter().flatten().all(|poll| poll.ready)
}

/// True if something was broken then or shortly before, or the session may not be good for the thread.
fn may_have_another_cause(view: &View<'_>, refused: &Refused<'_>, status: u16) -> bool {
    let shortly_us = view.bounds.terminal_ms * 1000;
    let from_us = refused.asked_us.saturating_sub(shortly_us);
    is_excused(view, refused, status) || view.is_excused(Some(refused.pod.as_str()), from_us, refused.at.us)
}

#[cfg(test)]
mod tests {
    use crate::history::TailEnd;
    use crate::history::{ClientEvent, CursorForm, FaultStep, SessionNo, WatcherEvent, WatcherId, What};
    use crate::judge::testing::{Play, aimed, closed, died, fault, observed, opened, polled, takeover};

    const NAME: &str = "ReattachAllowed";
    /// When the second tail of the session is asked for, in milliseconds.
    const ASKED_MS: u64 = 1_206;

    fn session(n: u8) -> SessionNo {
        SessionNo(n.try_into().expect("from 1"))
    }

    fn of_session(mut what: What, number: u8) -> What {
        if let What::Watcher(WatcherEvent::TailOpened { session: of, .. }) = &mut what {
            *of = Some(session(number));
        }
        what
    }

    fn refusal(cursor: Option<&str>, status: Option<u16>) -> What {
        What::Watcher(WatcherEvent::TailRefused {
            watcher: WatcherId(6),
            pod: "pod-2".into(),
            thread: "t-1".into(),
            turn: None,
            cursor: cursor.map(Into::into),
            form: CursorForm::After,
            asked_us: ASKED_MS * 1000,
            session: Some(session(1)),
            status,
            reason: "status 409: a tail is open".into(),
            garbled: false,
        })
    }

    /// The good run, in which the second watcher's session asks its pod for another tail, and is answered with `status`.
    fn refused(cursor: Option<&str>, status: Option<u16>) -> Play {
        let mut play = takeover();
        play.turn_into(&opened(2, "pod-2", None), of_session(opened(2, "pod-2", None), 1));
        play.put(ASKED_MS + 1, refusal(cursor, status));
        play
    }

    #[test]
    fn a_session_that_is_turned_away_beside_its_older_tail_is_found() {
        for status in [400, 403, 409, 500] {
            for cursor in [None, Some(""), Some("2-3")] {
                let finding = refused(cursor, Some(status)).breaks(NAME);
                assert_eq!(finding.subject, "attach of w6 on pod-2");
                assert_eq!(
                    finding.expected,
                    "a stream, for its session was shown the thread and has 1 tails of it open there"
                );
                assert_eq!(finding.got, "a refusal: status 409: a tail is open");
            }
        }
    }

    #[test]
    fn a_session_that_comes_back_after_its_tail_ended_is_found_too() {
        let mut play = refused(None, Some(409));
        let is_shown = |what: &What| matches!(what, What::Watcher(WatcherEvent::Frame { watcher, .. }) if *watcher == WatcherId(2));
        play.without_from(1_205, is_shown).put(1_205, closed(2, TailEnd::Left));
        assert!(play.breaks(NAME).expected.contains("has 0 tails"));
    }

    #[test]
    fn no_answer_or_an_answer_that_is_none_is_judged_elsewhere() {
        for status in [None, Some(200), Some(204), Some(302), Some(429), Some(503)] {
            refused(None, status).keeps(NAME);
        }
    }

    #[test]
    fn a_cursor_that_may_be_refused_is_judged_elsewhere() {
        for cursor in ["undefined", "2-6", "7779-1"] {
            refused(Some(cursor), Some(400)).keeps(NAME);
        }
    }

    #[test]
    fn a_session_that_was_never_shown_the_thread_is_owed_nothing_here() {
        let mut play = takeover();
        play.put(ASKED_MS + 1, refusal(None, Some(409)));
        play.keeps(NAME);
        play.turn_into(&opened(2, "pod-2", None), of_session(opened(2, "pod-2", None), 2));
        play.keeps(NAME);
    }

    #[test]
    fn a_pod_that_says_that_it_is_not_ready_may_turn_clients_away() {
        for (ms, is_ready) in [(1_100, false), (1_300, false), (1_100, true)] {
            let mut play = refused(None, Some(409));
            play.put(ms, polled("pod-2", is_ready)).put(ms, polled("pod-3", false));
            assert_eq!(play.findings(NAME).is_empty(), !is_ready, "{ms}");
        }
    }

    #[test]
    fn a_pod_that_is_broken_was_so_shortly_before_or_dies_may_turn_clients_away() {
        for (name, target) in [("terminate", "pod-2"), ("kill", "postgres")] {
            let mut play = refused(None, Some(500));
            play.put(1_150, fault(2, name, target, aimed()))
                .put(1_151, fault(2, name, target, observed()));
            play.clone().keeps(NAME);
            play.put(1_160, fault(2, name, target, FaultStep::Healed));
            play.keeps(NAME);
        }
        let mut long_ago = refused(None, Some(500));
        long_ago
            .put(150, fault(2, "kill", "nats", aimed()))
            .put(160, fault(2, "kill", "nats", FaultStep::Healed));
        long_ago.breaks(NAME);
        let mut dying = refused(None, Some(500));
        dying.put(ASKED_MS, died("pod-2", 137));
        dying.keeps(NAME);
    }

    #[test]
    fn a_revoked_session_may_be_turned_away() {
        let mut play = refused(None, Some(401));
        play.put(
            1_100,
            What::Client(ClientEvent::Revoked {
                tenant: "tenant-a".into(),
                pod: "pod-1".into(),
                session: Some(session(1)),
            }),
        );
        play.keeps(NAME);
    }
}
