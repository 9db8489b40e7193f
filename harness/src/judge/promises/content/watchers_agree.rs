//! Promise 2: at no instant do two screens contradict each other about one attempt of one answer.
//!
//! A showing only grows. If each is a prefix of the attempt's reference text when it is longest, any two of them
//! were prefixes of one another at every earlier instant.

use std::collections::BTreeSet;

use crate::judge::Promise;
use crate::judge::facts::difference::instead_of;
use crate::judge::view::{Breach, Due, Fit, Seen, Turn, View, Watcher};

pub(crate) const PROMISE: Promise = Promise {
    number: 2,
    name: "WatchersAgree",
    statement: "at every instant, of any two watchers' texts of one turn and attempt one is a prefix of the \
                other, and both are prefixes of the attempt's final text; a change of attempt is announced by a \
                reset, and reaches every watcher",
    needs: &[],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut reported = BTreeSet::new();
    for watcher in &view.watchers {
        for (place, seen) in &watcher.turns {
            let turn = &view.turns[*place];
            if let Some(breach) = contradiction(watcher, turn, seen) {
                reported.insert((watcher.id, turn.id));
                breaches.push(breach);
            }
        }
    }
    let left_behind = view
        .dues()
        .filter(|(watcher, turn, ..)| !reported.contains(&(watcher.id, turn.id)));
    breaches.extend(left_behind.filter_map(|(watcher, turn, seen, due)| superseded(watcher, turn, seen?, due)));
    breaches
}

/// A showing that leaves its attempt's text, or goes over into another attempt unannounced.
fn contradiction(watcher: &Watcher<'_>, turn: &Turn<'_>, seen: &Seen<'_>) -> Option<Breach> {
    let subject = format!("{}, turn {}", watcher.label(), turn.id);
    seen.showings.iter().find_map(|showing| {
        if let (Some((at, other)), Some(epoch)) = (showing.mixed, showing.epoch) {
            return Some(Breach {
                subject: subject.clone(),
                thread: turn.thread,
                n: at.n,
                expected: format!("only the attempt at epoch {epoch}, or a reset before another one"),
                got: format!("a frame of the attempt at epoch {other}, without a reset"),
            });
        }
        let Fit::Apart { from, at } = showing.fit else {
            return None;
        };
        let epoch = showing.epoch.unwrap_or(turn.attempt);
        let reference = turn.references.get(&epoch)?;
        let due = reference.word_at(from + at);
        Some(Breach {
            subject: subject.clone(),
            thread: turn.thread,
            n: showing.text.event_at(at)?,
            got: instead_of(showing.text.word_at(at), &due),
            expected: format!("{due} in the attempt at epoch {epoch}"),
        })
    })
}

/// A watcher that still shows a superseded attempt once everybody must have been shown the final one.
fn superseded(watcher: &Watcher<'_>, turn: &Turn<'_>, seen: &Seen<'_>, due: Due) -> Option<Breach> {
    let showing = seen
        .current()
        .filter(|showing| turn.is_completed() && !showing.text.is_empty())?;
    let durable = turn.durable.as_ref()?;
    let settled = matches!(due, Due::Overdue { .. } | Due::Finished { .. });
    let stale = showing.epoch.is_some_and(|epoch| epoch < turn.attempt);
    let agrees = matches!(showing.fit_in(durable), Fit::Along { .. } | Fit::Unjudged);
    if !settled || !stale || agrees {
        return None;
    }
    Some(Breach {
        subject: format!("{}, turn {}", watcher.label(), turn.id),
        thread: turn.thread,
        n: showing.text.last_event()?,
        expected: format!(
            "a reset and the text of the attempt at epoch {}: {}",
            turn.attempt,
            durable.word_at(0)
        ),
        got: format!("still the attempt that it superseded: {}", showing.text.word_at(0)),
    })
}

#[cfg(test)]
mod tests {
    use crate::history::{Status, TailEnd, WatcherEvent, What};
    use crate::judge::testing::{closed, delta, finish, is_frame_of, opened, start, state, takeover, token};

    const NAME: &str = "WatchersAgree";

    #[test]
    fn watchers_of_different_lengths_agree() {
        let mut play = takeover();
        // w3 lags: of the first attempt it is only shown the beginning.
        play.without(|what| *what == delta(3, 1, 3, token(1, 3)));
        play.keeps(NAME);
    }

    #[test]
    fn a_contradiction_within_a_superseded_attempt_is_found() {
        let mut play = takeover();
        play.without(|what| *what == delta(3, 1, 2, token(1, 2)));
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "w3 on pod-3, turn turn-1");
        assert!(
            finding.expected.starts_with("`~key-1.c1.k2.n6."),
            "{}",
            finding.expected
        );
        assert!(finding.got.starts_with("`~key-1.c1.k3.n6."), "{}", finding.got);
    }

    /// Seen live: an owner at the end of its grace had a piece shown and not stored, and those alone had it who had resumed.
    #[test]
    fn what_only_those_saw_who_resumed_is_of_the_attempt_where_they_agree() {
        let mut play = takeover();
        for watcher in [6, 7] {
            play.put(16, opened(watcher, "pod-3", Some("1-2")))
                .put(16, state(watcher, Status::InProgress, Some("turn-1")))
                .put(17, delta(watcher, 1, 3, token(1, 3)))
                .put(18, delta(watcher, 1, 4, token(1, 4)))
                .put(1100, closed(watcher, TailEnd::Left));
        }
        play.keeps(NAME);
        play.turn_into(&delta(7, 1, 4, token(1, 4)), delta(7, 1, 4, token(1, 5)));
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "w7 on pod-3, turn turn-1");
        assert!(finding.got.starts_with("`~key-1.c1.k5.n6."), "{}", finding.got);
    }

    #[test]
    fn an_attempt_that_changes_without_a_reset_is_found() {
        let mut play = takeover();
        play.turn_into(&start(2, 2, true), start(2, 2, false));
        let finding = play.breaks(NAME);
        assert!(finding.got.contains("without a reset"), "{}", finding.got);
    }

    #[test]
    fn a_watcher_left_with_the_superseded_attempt_is_found() {
        let mut play = takeover();
        play.without_from(1200, is_frame_of(2));
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "w2 on pod-2, turn turn-1");
        assert!(finding.got.contains("~key-1.c1.k1."), "{}", finding.got);

        play.put(1240, finish(2, 2, 7, Status::Completed));
        play.breaks(NAME);
    }

    #[test]
    fn a_watcher_that_was_watched_too_briefly_is_not_judged() {
        let mut play = takeover();
        play.without_from(1200, is_frame_of(2));
        play.without_from(
            1234,
            |what| matches!(what, What::Watcher(WatcherEvent::TailClosed { watcher, .. }) if watcher.0 == 2),
        );
        play.put(1500, closed(2, TailEnd::Left));
        play.keeps(NAME);
    }
}
