//! Promise 27: a turn that cannot succeed fails alone.
//!
//! Judged if the provider was told to fail every attempt of a turn. The other turns must complete, those of the
//! same thread too, and no pod may die with it. If something else was broken as well, nothing is held against the
//! other turns: the cause would be unclear.

use crate::history::Status;
use crate::judge::Promise;
use crate::judge::promises::acceptance::no_lost_ack;
use crate::judge::promises::liveness::dependency_self_heal;
use crate::judge::view::{Breach, Turn, View};

pub(crate) const PROMISE: Promise = Promise {
    number: 27,
    name: "PoisonContainment",
    statement: "beside a turn whose every attempt fails, every other turn ends as it would without it, and no pod ends unless \
                it is told to",
    needs: &[],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let is_poison = |turn: &&Turn<'_>| turn.expect.is_some_and(|expect| expect.fails);
    let Some(poison) = view
        .turns
        .iter()
        .filter(is_poison)
        .min_by_key(|turn| turn.asked().map_or(u64::MAX, |at| at.n))
    else {
        return Vec::new();
    };
    let mut breaches = dependency_self_heal::deaths(view, poison.asked());
    let others = view
        .turns
        .iter()
        .filter(|turn| turn.expect.is_some_and(|expect| !expect.fails));
    breaches.extend(others.filter_map(|turn| drawn_in(view, poison, turn)));
    breaches
}

fn drawn_in<'a>(view: &View<'a>, poison: &Turn<'_>, turn: &Turn<'a>) -> Option<Breach> {
    let until_us = turn.terminal().map_or(view.watched_until_us(), |row| row.at.us);
    let cancelled = view.is_cancelled(turn);
    if cancelled || view.was_cut_short(turn) || view.is_excused(None, turn.asked_us(), until_us) {
        return None;
    }
    let expected = format!("{:?}, whatever becomes of turn {}", Status::Completed, poison.id);
    match turn.terminal() {
        Some(row) if row.status == Status::Completed => None,
        Some(row) => Some(Breach {
            subject: format!("turn {}", turn.id),
            thread: turn.thread,
            n: row.at.n,
            expected,
            got: format!("{:?}", row.status),
        }),
        None => {
            let stuck = no_lost_ack::check(view, turn, turn.accepted?, view.ending.quiesced?)?;
            Some(Breach { expected, ..stuck })
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{ClientEvent, Status, What};
    use crate::judge::testing::{Play, accepted, aimed, call_ends, died, fault, posted, takeover, turn_row};

    const NAME: &str = "PoisonContainment";

    /// The good run without its fault, with a second turn on the thread that the provider is told to fail.
    fn poisoned() -> Play {
        let mut play = takeover();
        play.without(|what| matches!(what, What::Fault(_)));
        let mut post = posted(2, "t-1", "m-2", "key-2");
        if let What::Client(ClientEvent::Posted { expect, .. }) = &mut post {
            expect.fails = true;
        }
        play.put(6, post).put(9, accepted(2, "turn-2"));
        play.put(9, turn_row(11, "turn-2", 0, Status::Queued));
        play.put(1_250, turn_row(120, "turn-2", 3, Status::InProgress));
        play.put(1_260, turn_row(121, "turn-2", 3, Status::Failed));
        play
    }

    #[test]
    fn a_bad_turn_that_fails_alone_is_accepted_and_without_one_nothing_is_judged() {
        poisoned().keeps(NAME);
        takeover().keeps(NAME);
    }

    #[test]
    fn a_turn_that_fails_with_it_is_found() {
        let mut play = poisoned();
        play.turn_into(
            &turn_row(99, "turn-1", 2, Status::Completed),
            turn_row(99, "turn-1", 2, Status::Failed),
        );
        let finding = play.breaks(NAME);
        assert_eq!(
            (finding.subject.as_str(), finding.got.as_str()),
            ("turn turn-1", "Failed")
        );
        let mut cut_short = play.clone();
        cut_short.turn_into(&call_ends(2, "pod-2", "complete"), call_ends(2, "pod-2", "end:abort"));
        cut_short.keeps(NAME);
        play.put(1_220, fault(2, "kill", "pod-2", aimed()));
        play.keeps(NAME);
    }

    #[test]
    fn a_turn_that_something_broke_before_its_rows_were_read_is_not_held_against_it() {
        for (from_ms, until_ms, is_judged) in [(2, 4, true), (6, 7, false)] {
            let mut play = poisoned();
            play.turn_into(
                &turn_row(99, "turn-1", 2, Status::Completed),
                turn_row(99, "turn-1", 2, Status::Failed),
            );
            play.put_cut(from_ms, until_ms);
            assert_eq!(play.findings(NAME).len(), usize::from(is_judged), "{from_ms} ms");
        }
    }

    #[test]
    fn a_turn_that_is_stuck_behind_it_is_found() {
        let mut play = poisoned();
        play.put(1_300, posted(3, "t-1", "m-3", "key-3"))
            .put(1_301, accepted(3, "turn-3"));
        play.put(1_301, turn_row(130, "turn-3", 0, Status::Queued));
        assert!(play.breaks(NAME).got.starts_with("Queued for the last "));
    }

    #[test]
    fn a_pod_that_goes_down_with_it_is_found() {
        let mut play = poisoned();
        play.put(1_255, died("pod-2", 101));
        assert_eq!(play.breaks(NAME).subject, "pod-2");
    }
}
