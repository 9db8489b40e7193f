//! Promise 33: an answer does not depend on its watchers.
//!
//! Judged for turns during which a watcher left, if nothing was broken or cancelled, the provider was not told to
//! fail, and it did not cut a call short by itself. Then only the watcher's leaving can have cut the answer
//! short.

use crate::history::{Status, TailEnd};
use crate::judge::Promise;
use crate::judge::facts::oracle;
use crate::judge::view::{Breach, Turn, View, Watcher};

pub(crate) const PROMISE: Promise = Promise {
    number: 33,
    name: "DisconnectIndependence",
    statement: "a turn during which a watcher leaves completes with its whole answer, unless something was broken, the \
                provider cut it short, or it was cancelled or told to fail",
    needs: &[],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut leavers: Vec<Option<&Watcher<'_>>> = vec![None; view.turns.len()];
    let over_us = over_us(view);
    for watcher in &view.watchers {
        for place in watcher.turns.keys() {
            if left_during(watcher, &view.turns[*place], over_us[*place]) {
                leavers[*place].get_or_insert(watcher);
            }
        }
    }
    let left = view
        .turns
        .iter()
        .zip(leavers)
        .filter_map(|(turn, watcher)| Some((turn, watcher?)));
    left.filter_map(|(turn, watcher)| check(view, turn, watcher)).collect()
}

/// When each turn is known to have ended, in microseconds since the run began. The row of its terminal reaches
/// the history some time after the commit, and a watcher that was shown the finish knew earlier.
fn over_us(view: &View<'_>) -> Vec<u64> {
    let rows = view.turns.iter().map(|turn| turn.terminal().map_or(0, |row| row.at.us));
    let mut over_us: Vec<u64> = rows.collect();
    for (place, seen) in view.watchers.iter().flat_map(|watcher| &watcher.turns) {
        if let Some(finish) = seen.finishes.first() {
            over_us[*place] = over_us[*place].min(finish.at.us);
        }
    }
    over_us
}

fn left_during(watcher: &Watcher<'_>, turn: &Turn<'_>, over_us: u64) -> bool {
    let Some((left, TailEnd::Left)) = watcher.closed else {
        return false;
    };
    let began = turn.rows.iter().find(|row| row.status == Status::InProgress);
    began.is_some_and(|row| row.at.us <= left.us) && left.us < over_us
}

fn check(view: &View<'_>, turn: &Turn<'_>, watcher: &Watcher<'_>) -> Option<Breach> {
    let ended = turn.terminal()?;
    let expect = turn.expect.filter(|expect| !expect.fails)?;
    let cancelled = view.is_cancelled(turn);
    // A client of the provider may refuse an odd answer, whoever watches.
    if (expect.is_odd && ended.status == Status::Failed)
        || cancelled
        || view.ran_out(turn)
        || view.was_cut_short(turn)
        || view.is_excused(None, turn.asked_us(), ended.at.us)
    {
        return None;
    }
    let got = if ended.status == Status::Completed {
        oracle::hold(turn.durable.as_ref()?, expect).err()?.got
    } else {
        format!("{:?}", ended.status)
    };
    Some(Breach {
        subject: format!("turn {}, during which {} left", turn.id, watcher.label()),
        thread: turn.thread,
        n: ended.at.n,
        expected: format!("the whole answer of {} tokens", expect.tokens),
        got,
    })
}

#[cfg(test)]
mod tests {
    use crate::history::{ClientEvent, Outcome, ProviderEvent, ProviderWhat, Status, StoreEvent, TailEnd, What};
    use crate::judge::testing::{Play, TOKENS, call, cancelled, closed, finish, part, takeover, token, turn_row};

    const NAME: &str = "DisconnectIndependence";

    /// The good run without its fault, in which the third watcher leaves in the middle.
    fn left() -> Play {
        let mut play = takeover();
        play.without(|what| matches!(what, What::Fault(_)));
        play.without_from(1_205, crate::judge::testing::is_frame_of(3));
        play.without(|what| matches!(what, What::Store(StoreEvent::TerminalProbe { watcher, .. }) if watcher.0 == 3));
        play.move_to(1_205, &closed(3, TailEnd::Left));
        play
    }

    fn ended(play: &mut Play, status: Status) {
        play.turn_into(
            &turn_row(99, "turn-1", 2, Status::Completed),
            turn_row(99, "turn-1", 2, status),
        );
    }

    #[test]
    fn an_answer_that_goes_on_without_the_watcher_is_accepted() {
        left().keeps(NAME);
    }

    /// Seen live: the turn failed as it was told to, its watchers knew, and one left before the row was read.
    #[test]
    fn who_leaves_when_others_were_shown_the_finish_has_cut_nothing_short() {
        let mut play = left();
        ended(&mut play, Status::Failed);
        assert_eq!(play.findings(NAME).len(), 1);
        play.put(1_204, finish(2, 2, 7, Status::Failed));
        play.keeps(NAME);
    }

    #[test]
    fn an_answer_that_is_cut_short_is_found() {
        let mut play = left();
        play.without(|what| *what == part(46, 2, 6, token(2, 6)));
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "turn turn-1, during which w3 on pod-3 left");
        assert_eq!(finding.got, "the end of the text");
        for status in [Status::Failed, Status::Cancelled, Status::Lost] {
            let mut play = left();
            ended(&mut play, status);
            assert_eq!(play.breaks(NAME).got, format!("{status:?}"));
        }
    }

    #[test]
    fn a_turn_that_was_cancelled_or_whose_watchers_stayed_is_not_judged() {
        let mut play = left();
        ended(&mut play, Status::Cancelled);
        play.put(1_204, cancelled("pod-2", Outcome::Ok(())));
        play.keeps(NAME);
        let mut play = takeover();
        ended(&mut play, Status::Failed);
        play.keeps(NAME);
    }

    /// Seen live: the link to the provider was cut and whole again before the turn's first row was read, 80 ms after its post.
    #[test]
    fn what_was_broken_from_the_post_on_may_have_cut_it_short_however_late_its_rows_are() {
        for (from_ms, until_ms, is_judged) in [(2, 4, true), (6, 7, false)] {
            let mut play = left();
            ended(&mut play, Status::Failed);
            play.put_cut(from_ms, until_ms);
            assert_eq!(play.findings(NAME).len(), usize::from(is_judged), "{from_ms} ms");
        }
    }

    #[test]
    fn a_turn_that_the_provider_cut_short_is_not_judged() {
        let ends = |cause: &str, tokens| {
            let cause = cause.into();
            call(2, "pod-2", ProviderWhat::Ended { cause, tokens })
        };
        // Seen live, the empty one: the pod said that the answer was empty, and a watcher left in the middle of that.
        for (end, is_judged) in [
            (ends("end:abort", TOKENS), false),
            (ends("end:eof", 3), false),
            (ends("complete", 0), false),
            (ends("complete", TOKENS), true),
            (ends("client_gone", 3), true),
        ] {
            let mut play = left();
            ended(&mut play, Status::Failed);
            play.without(|what| matches!(what, What::Provider(seen) if is_end(seen)));
            play.put(1_290, end);
            if is_judged {
                play.breaks(NAME);
            } else {
                play.keeps(NAME);
            }
        }
    }

    #[test]
    fn a_turn_that_failed_on_an_odd_answer_is_not_judged_and_any_other_end_of_it_is() {
        let odd = || {
            let mut play = left();
            play.change(|what| {
                let mut posted = what.clone();
                let What::Client(ClientEvent::Posted { expect, .. }) = &mut posted else {
                    return None;
                };
                expect.is_odd = true;
                Some(posted)
            });
            play
        };
        odd().keeps(NAME);
        let mut refused = odd();
        ended(&mut refused, Status::Failed);
        refused.keeps(NAME);
        for status in [Status::Cancelled, Status::Lost] {
            let mut play = odd();
            ended(&mut play, status);
            assert_eq!(play.breaks(NAME).got, format!("{status:?}"));
        }
        let mut cut = odd();
        cut.without(|what| *what == part(46, 2, 6, token(2, 6)));
        assert_eq!(cut.breaks(NAME).got, "the end of the text");
    }

    fn is_end(seen: &ProviderEvent) -> bool {
        matches!(seen.what, ProviderWhat::Ended { .. })
    }
}
