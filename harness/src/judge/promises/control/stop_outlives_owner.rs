//! Promise 39: an acknowledged stop holds for good, whoever owns the turn later.
//!
//! A stop that only its owner knows of dies with it: the heir runs the turn again to its end. So the stop is held against the turn's whole
//! rest, takeovers and waiting turns included. A fault sets the clock for calls back ([`stops`]) and excuses nothing else. An owner that
//! had the turn when it was stopped has a lease to find out; an heir that claims the turn later may not complete it at all.
//!
//! Deliberately absent: how fast a running turn is over, and how it ends (`CancelAnywhere`).

use crate::history::{Bound, Capability};
use crate::judge::facts::stops::{self, Stop};
use crate::judge::view::{Breach, View};
use crate::judge::{Clause, Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 39,
    name: "StopOutlivesOwner",
    statement: "a turn whose stop was acknowledged before its end never runs to its natural end, and no provider call of it begins later \
                than a takeover's bound after that, though its owner be dead and though it waited",
    needs: &[Need::Can(Capability::Cancel), Need::Within(Bound::Takeover)],
    clauses: &[Clause {
        name: "no call of it begins later",
        needs: &[Need::Can(Capability::ProviderJournal)],
    }],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    stops::acknowledged(view)
        .iter()
        .filter_map(|stop| completed(view, stop).or_else(|| called_again(view, stop)))
        .collect()
}

fn completed<'a>(view: &View<'a>, stop: &Stop<'_, 'a>) -> Option<Breach> {
    let after_ms = stop.ran_to_its_end_ms(view)?;
    Some(Breach {
        subject: stop.label(),
        thread: stop.turn.thread,
        n: stop.turn.terminal()?.at.n,
        expected: "no whole answer, since a stop of it was acknowledged".into(),
        got: format!("Completed, its answer whole {after_ms} ms after the stop"),
    })
}

fn called_again<'a>(view: &View<'a>, stop: &Stop<'_, 'a>) -> Option<Breach> {
    let bound_ms = view.bounds.takeover_ms;
    let by_us = stop.deadline(view, bound_ms * 1000)?;
    let late = stop.calls(view).filter_map(|call| Some((call, call.started?)));
    let (call, started) = late.into_iter().find(|(_, started)| started.us > by_us)?;
    let pod = call
        .pod
        .map_or_else(|| "an unnamed pod".to_owned(), ToString::to_string);
    Some(Breach {
        subject: stop.label(),
        thread: stop.turn.thread,
        n: started.n,
        expected: format!("no provider call of it later than {bound_ms} ms after the stop"),
        got: format!(
            "call {} by {pod} {} ms after the stop",
            call.ordinal,
            stop.after_ms(started.us)
        ),
    })
}

#[cfg(test)]
mod tests {
    use crate::history::{Bounds, ClientEvent, FaultStep, Outcome, RunEvent, Status, TailEnd, What};
    use crate::judge::testing::{
        Play, accepted, aimed, began, call_ends, call_starts, cancelled, closed, fault, observed, posted, takeover,
        thread_row, turn_row,
    };

    const NAME: &str = "StopOutlivesOwner";

    /// The good run, stopped through pod-3 at `stop_ms`, in which the heir ends what it does at `end_ms`, as the provider says.
    fn stopped(stop_ms: u64, end_ms: u64, cause: &str) -> Play {
        let mut play = takeover();
        play.without(|what| *what == call_ends(2, "pod-2", "complete"));
        play.put(end_ms, call_ends(2, "pod-2", cause));
        let status = if cause == "complete" {
            Status::Completed
        } else {
            Status::Cancelled
        };
        for old in [
            turn_row(99, "turn-1", 2, Status::Completed),
            thread_row(99, None, 2, Status::Completed),
        ] {
            play.without(|what| *what == old);
        }
        play.put(end_ms + 1, turn_row(99, "turn-1", 2, status))
            .put(end_ms + 1, thread_row(99, None, 2, status));
        play.put(stop_ms, cancelled("pod-3", Outcome::Ok(())));
        play
    }

    #[test]
    fn a_stop_that_the_heir_heeds_is_accepted() {
        takeover().keeps(NAME);
        stopped(30, 1_230, "client_gone").keeps(NAME);
        stopped(1_210, 2_000, "client_gone").keeps(NAME);
    }

    /// As [`stopped`], but the owner dies at `death_ms` by `name`, and its last token comes right before the stop.
    fn stopped_and_killed(stop_ms: u64, death_ms: u64, name: &str, cause: &str) -> Play {
        let mut play = stopped(stop_ms, 1_230, cause);
        for (ms, step) in [(40, aimed()), (41, observed()), (1_300, FaultStep::Healed)] {
            let old = fault(1, "kill", "pod-1", step.clone());
            play.without(|what| *what == old)
                .put(ms.max(ms - 40 + death_ms), fault(1, name, "pod-1", step));
        }
        play.move_to(death_ms + 2, &closed(1, TailEnd::Eof));
        play.move_to(death_ms + 3, &call_ends(1, "pod-1", "client_gone"));
        play
    }

    #[test]
    fn an_heir_that_ends_what_it_took_over_within_a_lease_is_found() {
        // The death lies a lease before the heir's end, and the stop less than a row's lateness before the claim.
        for name in ["kill", "terminate", "pause"] {
            let finding = stopped_and_killed(690, 700, name, "complete").breaks(NAME);
            assert_eq!(finding.got, "Completed, its answer whole 540 ms after the stop");
            stopped_and_killed(690, 700, name, "client_gone").keeps(NAME);
        }
        // The owner was broken before the stop: a claim whose row is read late may come before the stop.
        stopped_and_killed(720, 700, "kill", "complete").keeps(NAME);
        // The claim may be of a turn that waited again.
        let mut released = stopped_and_killed(690, 700, "terminate", "complete");
        released.put(1_100, thread_row(30, None, 1, Status::Queued));
        released.keeps(NAME);
        let mut released = stopped_and_killed(100, 150, "terminate", "complete");
        released.put(1_100, thread_row(30, None, 1, Status::Queued));
        released.breaks(NAME);
    }

    #[test]
    fn an_heir_that_finds_the_answer_whole_may_say_so() {
        let mut play = stopped_and_killed(690, 700, "kill", "complete");
        play.turn_into(&call_ends(1, "pod-1", "client_gone"), call_ends(1, "pod-1", "complete"));
        play.without(|what| [call_starts(2, "pod-2"), call_ends(2, "pod-2", "complete")].contains(what));
        play.keeps(NAME);
        // A store that was away between the stop and the claim gives the heir the owner's time.
        let mut play = stopped_and_killed(690, 700, "kill", "complete");
        play.put(800, fault(2, "stop", "postgres", aimed()))
            .put(900, fault(2, "stop", "postgres", FaultStep::Healed));
        play.keeps(NAME);
    }

    #[test]
    fn a_stop_counts_from_the_answer_to_the_post_on() {
        let unread = |posted_ms: u64, named: bool| {
            let mut play = takeover();
            play.put(posted_ms, posted(2, "t-1", "m-2", "key-2"))
                .put(posted_ms + 1, accepted(2, "turn-2"))
                .put(posted_ms + 2, cancelled("pod-3", Outcome::Ok(())))
                .put(1_310, turn_row(110, "turn-2", 2, Status::Queued))
                .put(1_320, turn_row(111, "turn-2", 3, Status::InProgress))
                .put(4_000, turn_row(112, "turn-2", 3, Status::Completed));
            if named {
                play.change(named_turn_2);
            }
            play
        };
        assert_eq!(
            unread(1_300, false).breaks(NAME).subject,
            "turn turn-2, cancelled on pod-3"
        );
        // The turn before it was not over as it was posted: the stop may be for that.
        unread(1_215, false).keeps(NAME);
        unread(1_215, true).breaks(NAME);
        // No answer to the post, no turn that anybody knows of.
        let mut play = unread(1_300, true);
        play.move_to(1_305, &accepted(2, "turn-2"));
        play.keeps(NAME);
        let mut heeded = unread(1_300, true);
        heeded.turn_into(
            &turn_row(112, "turn-2", 3, Status::Completed),
            turn_row(112, "turn-2", 3, Status::Cancelled),
        );
        heeded.keeps(NAME);
    }

    #[test]
    fn an_heir_that_runs_on_is_found() {
        let finding = stopped(30, 1_230, "complete").breaks(NAME);
        assert_eq!(finding.subject, "turn turn-1, cancelled on pod-3");
        assert_eq!(finding.got, "Completed, its answer whole 1200 ms after the stop");
    }

    #[test]
    fn a_natural_end_at_about_the_time_of_the_stop_is_accepted() {
        stopped(1_225, 1_230, "complete").keeps(NAME);
        stopped(1_225, 2_225, "complete").keeps(NAME);
        stopped(1_225, 2_230, "complete").breaks(NAME);
    }

    #[test]
    fn a_system_that_says_done_of_a_stop_may_and_the_provider_tells() {
        let said = |play: &mut Play| {
            let mut described = began();
            described.rules.stopped_is_completed = true;
            play.turn_into(
                &What::Run(RunEvent::Began(began().into())),
                What::Run(RunEvent::Began(described.into())),
            );
        };
        let mut heeded = stopped(1_210, 2_000, "client_gone");
        said(&mut heeded);
        heeded.turn_into(
            &turn_row(99, "turn-1", 2, Status::Cancelled),
            turn_row(99, "turn-1", 2, Status::Completed),
        );
        heeded.keeps(NAME);
        let mut ran_on = stopped(1_210, 3_000, "complete");
        said(&mut ran_on);
        ran_on.breaks(NAME);
    }

    #[test]
    fn a_call_that_begins_after_the_bound_is_found() {
        let mut play = stopped(1_210, 2_000, "client_gone");
        play.put(3_311, call_starts(3, "pod-3"))
            .put(3_320, call_ends(3, "pod-3", "client_gone"));
        assert_eq!(play.breaks(NAME).got, "call 3 by pod-3 2101 ms after the stop");
        play.move_to(3_300, &call_starts(3, "pod-3"));
        play.keeps(NAME);
        // A death sets the clock back, and the heir has to know of the stop.
        play.move_to(3_400, &call_starts(3, "pod-3"));
        play.breaks(NAME);
        play.put(1_500, fault(2, "kill", "pod-2", aimed()));
        play.keeps(NAME);
        play.move_to(3_700, &call_starts(3, "pod-3"));
        play.breaks(NAME);
    }

    #[test]
    fn a_waiting_turn_that_is_stopped_never_runs() {
        let mut play = takeover();
        play.put(1_300, posted(2, "t-1", "m-2", "key-2"))
            .put(1_301, turn_row(110, "turn-2", 2, Status::Queued))
            .put(1_302, accepted(2, "turn-2"))
            .put(1_310, cancelled("pod-3", Outcome::Ok(())))
            .put(1_320, turn_row(111, "turn-2", 3, Status::InProgress))
            .put(4_000, turn_row(112, "turn-2", 3, Status::Completed));
        assert_eq!(play.breaks(NAME).subject, "turn turn-2, cancelled on pod-3");
        play.turn_into(
            &turn_row(112, "turn-2", 3, Status::Completed),
            turn_row(112, "turn-2", 3, Status::Cancelled),
        );
        play.keeps(NAME);
    }

    /// The stop, of turn-2 by name.
    fn named_turn_2(what: &What) -> Option<What> {
        let mut named = what.clone();
        let What::Client(ClientEvent::Cancelled { turn, .. }) = &mut named else {
            return None;
        };
        *turn = Some("turn-2".into());
        Some(named)
    }

    #[test]
    fn a_stop_is_for_the_turn_that_it_names_or_for_the_one_that_runs() {
        let mut play = takeover();
        play.put(1_216, posted(2, "t-1", "m-2", "key-2"))
            .put(1_217, turn_row(97, "turn-2", 2, Status::Queued))
            .put(1_218, accepted(2, "turn-2"))
            .put(1_219, cancelled("pod-3", Outcome::Ok(())))
            .put(1_320, turn_row(111, "turn-2", 3, Status::InProgress))
            .put(4_000, turn_row(112, "turn-2", 3, Status::Completed));
        play.keeps(NAME);
        play.change(named_turn_2);
        assert_eq!(play.breaks(NAME).subject, "turn turn-2, cancelled on pod-3");
    }

    #[test]
    fn a_stop_that_was_not_acknowledged_or_came_too_late_is_not_judged() {
        let mut play = stopped(30, 1_230, "complete");
        let reason = "draining".into();
        let refused = cancelled("pod-3", Outcome::Failed { status: 503, reason });
        play.turn_into(&cancelled("pod-3", Outcome::Ok(())), refused);
        play.keeps(NAME);
        stopped(1_300, 1_230, "complete").keeps(NAME);
    }

    #[test]
    fn a_database_that_is_away_sets_the_clock_back() {
        let mut play = stopped(1_225, 2_230, "complete");
        play.put(1_226, fault(2, "stop", "postgres", aimed()));
        play.keeps(NAME);
        play.put(1_229, fault(2, "stop", "postgres", FaultStep::Healed));
        play.breaks(NAME);
    }

    #[test]
    fn without_a_bound_it_is_not_applicable() {
        let mut play = stopped(30, 1_230, "complete");
        let mut boundless = began();
        boundless.bounds = Bounds {
            takeover_ms: None,
            ..boundless.bounds
        };
        play.turn_into(
            &What::Run(RunEvent::Began(began().into())),
            What::Run(RunEvent::Began(boundless.into())),
        );
        let lacking = play.judged().not_applicable;
        assert!(lacking.iter().any(|lacking| lacking.promise == NAME));
    }
}
