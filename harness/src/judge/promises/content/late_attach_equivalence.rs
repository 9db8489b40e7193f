//! Promise 3: a watcher that attaches late, on any pod, ends up with the same text as a watcher from the start.

use std::collections::BTreeMap;

use crate::history::{Status, TailMode};
use crate::judge::Promise;
use crate::judge::facts::difference::instead_of;
use crate::judge::view::{Anchor, Breach, Due, Fit, Seen, Showing, Turn, View, Watcher};

pub(crate) const PROMISE: Promise = Promise {
    number: 3,
    name: "LateAttachEquivalence",
    statement: "each watcher that attached before a turn ended, on any pod, ends up with the turn's whole \
                durable text: the answer, or what the last attempt left of a turn that did not complete",
    needs: &[],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let of_stored = view
        .dues()
        .filter_map(|(watcher, turn, seen, due)| check(view, watcher, turn, seen, due));
    of_stored.chain(shorter_than_others(view)).collect()
}

/// Screens with less of a stopped turn than another one had when both were shown its end, where nobody knows the stored text. A fault in the
/// turn's time excuses all of them: tokens may then have reached some screens alone.
fn shorter_than_others(view: &View<'_>) -> Vec<Breach> {
    let mut ends: BTreeMap<usize, Vec<(&Watcher<'_>, &Showing<'_>, u64)>> = BTreeMap::new();
    for (place, turn) in view.stored_turns() {
        let ended = turn
            .terminal()
            .filter(|row| row.status == Status::Cancelled && turn.durable.is_none());
        let Some(ended) = ended.filter(|row| !view.is_excused(None, turn.asked_us(), row.at.us)) else {
            continue;
        };
        let shown = view.watchers.iter().filter_map(|watcher| {
            let seen = watcher.turns.get(&place)?;
            let finish = seen.finishes.first().filter(|_| watcher.opened.us < ended.at.us)?;
            let showing = view
                .stands(watcher, seen)
                .filter(|showing| showing.anchor == Anchor::Start)?;
            Some((watcher, showing, finish.at.n))
        });
        ends.entry(place).or_default().extend(shown);
    }
    let found = ends.into_iter().flat_map(|(place, shown)| {
        let turn = &view.turns[place];
        let longest = shown
            .iter()
            .map(|(_, showing, _)| &showing.text)
            .max_by_key(|text| text.len());
        let short = shown.iter().filter_map(|(watcher, showing, n)| {
            let (own, whole) = (&showing.text, longest?);
            (own.len() < whole.len()).then(|| {
                let got = format!("nothing after byte {} of {}", own.len(), whole.len());
                breach(watcher, turn, *n, whole.word_at(own.len()), got)
            })
        });
        short.collect::<Vec<_>>()
    });
    found.collect()
}

fn check(view: &View<'_>, watcher: &Watcher<'_>, turn: &Turn<'_>, seen: Option<&Seen<'_>>, due: Due) -> Option<Breach> {
    let terminal = turn.terminal()?;
    let end = match due {
        Due::Finished { finish, .. } => finish.at.n,
        Due::Overdue { .. } if turn.is_completed() => terminal.at.n,
        Due::Overdue { .. } | Due::Nothing | Due::BrokeOff { .. } => return None,
    };
    let whole = turn.durable.as_ref()?;
    let Some(showing) = seen.and_then(|seen| view.stands(watcher, seen)) else {
        // A tail that resumed past the last token, or opened behind it, is due the finish alone.
        let is_past = seen.is_some() || watcher.mode == TailMode::Live;
        if whole.is_empty() || (!watcher.is_from_start() && is_past) {
            return None;
        }
        return Some(breach(
            watcher,
            turn,
            end,
            whole.word_at(0),
            "nothing of the answer".into(),
        ));
    };
    if !turn.settles(showing) || showing.completes(whole) {
        return None;
    }
    let (n, expected, got) = match showing.fit_in(whole) {
        Fit::Apart { from, at } => (
            showing.text.event_at(at).unwrap_or(end),
            whole.word_at(from + at),
            instead_of(showing.text.word_at(at), &whole.word_at(from + at)),
        ),
        Fit::Along { from } => {
            let shown = from + showing.text.len();
            (
                end,
                whole.word_at(shown),
                format!("nothing after byte {shown} of {}", whole.len()),
            )
        }
        Fit::Unjudged => (end, "the end of the durable text".into(), showing.text.word_at(0)),
    };
    Some(breach(watcher, turn, n, expected, got))
}

fn breach(watcher: &Watcher<'_>, turn: &Turn<'_>, n: u64, expected: String, got: String) -> Breach {
    Breach {
        subject: format!("{}, turn {}", watcher.label(), turn.id),
        thread: turn.thread,
        n,
        expected,
        got,
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{Status, TailEnd, WatcherEvent, What};
    use crate::judge::testing::{
        closed, delta, failed, finish, is_frame_of, opened, resync, start, state, takeover, token,
    };

    const NAME: &str = "LateAttachEquivalence";
    /// The promises on what a client has of an answer in the end.
    const TEXTS: [&str; 3] = [NAME, "FinalTextExactlyOnce", "LiveDurableAgreement"];

    #[test]
    fn a_late_watcher_with_the_whole_answer_is_accepted() {
        takeover().keeps(NAME);
    }

    #[test]
    fn a_late_watcher_shown_only_what_is_new_is_found() {
        let mut play = takeover();
        play.without(|what| [start(4, 2, true), delta(4, 2, 1, token(2, 1))].contains(what));
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "w4 on pod-3, turn turn-1");
        assert!(finding.expected.starts_with("`~key-1.c2.k1."), "{}", finding.expected);
    }

    #[test]
    fn a_late_watcher_of_a_turn_that_fails_is_due_the_same() {
        let mut play = failed("");
        play.keeps(NAME);
        play.without(|what| *what == delta(4, 2, 1, token(2, 1)));
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "w4 on pod-3, turn turn-1");
        assert!(finding.expected.starts_with("`~key-1.c2.k1."), "{}", finding.expected);
    }

    #[test]
    fn who_leaves_while_the_answer_is_told_again_has_what_it_was_told_first() {
        let mut play = takeover();
        play.put(1240, resync(3)).put(1240, start(3, 2, false));
        for k in 1..=3 {
            play.put(1241, delta(3, 2, u64::from(k), token(2, k)));
        }
        let mut left = play.clone();
        left.move_to(1900, &closed(3, TailEnd::Left));
        for promise in TEXTS {
            left.keeps(promise);
        }
        // The service ended it, or it had the time to be told all of it.
        let mut ended = play.clone();
        ended
            .without(|what| *what == closed(3, TailEnd::Left))
            .put(1900, closed(3, TailEnd::Done));
        for play in [play, ended] {
            for promise in TEXTS {
                assert_eq!(play.breaks(promise).subject, "w3 on pod-3, turn turn-1");
            }
        }
    }

    #[test]
    fn a_late_watcher_shown_nothing_is_found() {
        let mut play = takeover();
        play.without_from(1200, is_frame_of(4));
        let finding = play.breaks(NAME);
        assert_eq!(finding.got, "nothing of the answer");
    }

    #[test]
    fn a_late_watcher_shown_both_attempts_is_found() {
        let mut play = takeover();
        play.turn_into(&start(4, 2, true), start(4, 1, false));
        for k in 1..=3 {
            play.put(1202, delta(4, 1, u64::from(k), token(1, k)));
        }
        play.breaks(NAME);
    }

    #[test]
    fn who_attaches_after_the_end_and_is_told_otherwise_is_found() {
        let mut play = takeover();
        play.turn_into(
            &state(5, Status::Completed, Some("turn-1")),
            state(5, Status::InProgress, Some("turn-1")),
        );
        play.breaks(NAME);
    }

    #[test]
    fn who_left_lost_its_pod_or_was_cut_by_a_fault_is_due_nothing() {
        // w1 of the good run has lost its pod; here w4 leaves in the middle.
        let mut play = takeover();
        play.without_from(1206, is_frame_of(4));
        play.without_from(1234, |what| *what == closed(4, TailEnd::Left));
        play.put(1207, closed(4, TailEnd::Left));
        play.keeps(NAME);
    }

    #[test]
    fn a_watcher_that_resumed_from_a_cursor_is_due_what_comes_after_it() {
        let mut play = takeover();
        play.put(1213, opened(6, "pod-3", Some("2-3")))
            .put(1213, state(6, Status::InProgress, Some("turn-1")));
        for k in 4..=6 {
            play.put(1220, delta(6, 2, u64::from(k), token(2, k)));
        }
        play.put(1232, finish(6, 2, 7, Status::Completed));
        play.passes();
        play.without(|what| *what == delta(6, 2, 4, token(2, 4)));
        let finding = play.breaks(NAME);
        assert!(finding.expected.starts_with("`~key-1.c2.k4."), "{}", finding.expected);
    }

    #[test]
    fn a_resync_begins_the_answer_anew() {
        let mut play = takeover();
        play.put(1205, resync(3)).put(1205, start(3, 2, false));
        play.put(1205, delta(3, 2, 1, token(2, 1)))
            .put(1205, delta(3, 2, 2, token(2, 2)));
        play.put(1205, delta(3, 2, 3, token(2, 3)));
        // The rest follows: token 4 on.
        play.keeps(NAME);
        play.without(|what| {
            matches!(
                what,
                What::Watcher(WatcherEvent::Frame {
                    chunk: crate::history::Chunk::Resync { .. },
                    ..
                })
            )
        });
        play.breaks(NAME);
    }
}
