//! Promise 32: a cancel works on every pod.
//!
//! A cancel is for the turn that is in progress when it is answered ([`stops`]). The bound is the takeover's, since the system has none of
//! its own for cancels. Its clock starts again with each heal of a fault that keeps the pods from working, and with each hit of the turn's
//! owner: the heir of a dead owner has to know of the stop.
//!
//! Not every end is a stop. A turn ends as stopped, or with its natural end if that came at about the time of the stop. It may fail if
//! something explains a failure: the provider ended its call, an owner was broken, or the turn had taken as long as a turn may.

use crate::history::{Bound, Capability, PodName, Status};
use crate::judge::facts::stops::{self, Stop};
use crate::judge::view::{Breach, Call, ROW_LATENESS_US, TurnRow, View};
use crate::judge::{Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 32,
    name: "CancelAnywhere",
    statement: "a turn in progress that was cancelled through any pod is over, as stopped, within the takeover's bound, and so is every \
                provider call for it",
    needs: &[
        Need::Can(Capability::Cancel),
        Need::Can(Capability::Owner),
        Need::Within(Bound::Takeover),
    ],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let stops = stops::acknowledged(view).into_iter();
    stops
        .filter(|stop| stop.status == Status::InProgress)
        .filter_map(|stop| check(view, &stop))
        .collect()
}

fn check<'a>(view: &View<'a>, stop: &Stop<'_, 'a>) -> Option<Breach> {
    let by_us = stop.deadline(view, view.bounds.takeover_ms * 1000)?;
    let ended = stop.turn.terminal();
    let late = match ended {
        Some(row) if row.at.us > by_us => Some((
            row.at.n,
            format!("{:?} after {} ms", row.status, stop.after_ms(row.at.us)),
        )),
        None if view.watched_until_us() > by_us => {
            let ms = stop.after_ms(view.watched_until_us());
            Some((stop.cancel.at.n, format!("in progress after {ms} ms")))
        }
        _ => None,
    };
    let otherwise = || Some((ended?.at.n, ended_otherwise(view, stop, ended?)?));
    let talks_on = || Some((stop.cancel.at.n, talks_on(view, stop, by_us)?));
    let (n, got) = late.or_else(otherwise).or_else(talks_on)?;
    Some(Breach {
        subject: stop.label(),
        thread: stop.turn.thread,
        n,
        expected: format!("an end of it as stopped within {} ms", view.bounds.takeover_ms),
        got,
    })
}

/// An end that is no stop and that nothing else explains, in words.
fn ended_otherwise<'a>(view: &View<'a>, stop: &Stop<'_, 'a>, ended: &TurnRow<'a>) -> Option<String> {
    match ended.status {
        Status::Completed => {
            let after_ms = stop.ran_to_its_end_ms(view)?;
            Some(format!("Completed, its answer whole {after_ms} ms after the stop"))
        }
        Status::Failed | Status::Lost => {
            let after_ms = stop.after_ms(ended.at.us);
            (!may_fail(view, stop, ended)).then(|| format!("{:?} after {after_ms} ms", ended.status))
        }
        _ => None,
    }
}

/// True if a turn that was stopped may have failed for another reason.
fn may_fail<'a>(view: &View<'a>, stop: &Stop<'_, 'a>, ended: &TurnRow<'a>) -> bool {
    let is_told_to = stop.turn.expect.is_none_or(|expect| expect.fails || expect.is_odd);
    let until_us = ended.at.us + ROW_LATENESS_US;
    let failed = |call: &Call<'_>| {
        let by_itself = call
            .cause
            .is_some_and(|cause| cause != "client_gone" && cause != "complete");
        by_itself && call.ended.is_some_and(|at| at.us <= until_us)
    };
    is_told_to
        || !view.can(Capability::ProviderJournal)
        || view.ran_out(stop.turn)
        || stop.is_excused(view, ended.at.us)
        || stop.calls(view).any(failed)
}

/// A provider call that outlasts the stop, in words. A former owner that is frozen holds on to its call until it wakes.
fn talks_on<'a>(view: &View<'a>, stop: &Stop<'_, 'a>, by_us: u64) -> Option<String> {
    let until_us = view.watched_until_us();
    let is_held = |call: &&Call<'_>| view.is_excused(call.pod.map(PodName::as_str), stop.cancel.at.us, by_us);
    let mut late = stop
        .calls(view)
        .filter(|call| call.started.is_some() && call.ended.map_or(until_us, |at| at.us) > by_us)
        .filter(|call| !is_held(call));
    let call = late.next()?;
    let (state, us) = call.ended.map_or(("open", until_us), |at| ("ended", at.us));
    Some(format!(
        "provider call {} {state} after {} ms",
        call.ordinal,
        stop.after_ms(us)
    ))
}

#[cfg(test)]
mod tests {
    use crate::history::{FaultStep, Outcome, Status, StoreEvent, What};
    use crate::judge::testing::{Play, aimed, call_ends, cancelled, fault, observed, takeover, thread_row, turn_row};

    const NAME: &str = "CancelAnywhere";

    /// The good run, cancelled on pod-3 in its second attempt, and over `after_ms` later.
    fn stopped(after_ms: u64) -> Play {
        let mut play = takeover();
        play.without(|what| matches!(what, What::Fault(_)));
        let end = [
            turn_row(99, "turn-1", 2, Status::Completed),
            thread_row(99, None, 2, Status::Completed),
            call_ends(2, "pod-2", "complete"),
        ];
        play.without(|what| end.contains(what) || matches!(what, What::Store(StoreEvent::TerminalProbe { .. })));
        play.put(1_225, cancelled("pod-3", Outcome::Ok(())));
        play.put(1_225 + after_ms, call_ends(2, "pod-2", "client_gone"));
        play.put(1_225 + after_ms, turn_row(99, "turn-1", 2, Status::Cancelled));
        play
    }

    #[test]
    fn a_stop_within_the_bound_is_accepted() {
        takeover().keeps(NAME);
        stopped(2_000).keeps(NAME);
    }

    #[test]
    fn a_stop_that_does_nothing_or_comes_late_is_found() {
        let finding = stopped(2_200).breaks(NAME);
        assert_eq!(finding.subject, "turn turn-1, cancelled on pod-3");
        assert_eq!(finding.got, "Cancelled after 2200 ms");
        let mut play = stopped(2_200);
        play.without(|what| *what == turn_row(99, "turn-1", 2, Status::Cancelled));
        assert!(play.breaks(NAME).got.starts_with("in progress after "));
    }

    #[test]
    fn a_provider_that_is_kept_talking_is_found() {
        let mut play = stopped(100);
        play.move_to(9_000, &call_ends(2, "pod-2", "client_gone"));
        assert_eq!(play.breaks(NAME).got, "provider call 2 ended after 7775 ms");
        play.without(|what| *what == call_ends(2, "pod-2", "client_gone"));
        assert!(play.breaks(NAME).got.starts_with("provider call 2 open after "));
    }

    #[test]
    fn a_refused_cancel_and_one_for_nothing_are_not_judged() {
        let mut play = stopped(9_000);
        let reason = "draining".into();
        play.turn_into(
            &cancelled("pod-3", Outcome::Ok(())),
            cancelled("pod-3", Outcome::Failed { status: 503, reason }),
        );
        play.keeps(NAME);
        let mut play = takeover();
        play.put(1_300, cancelled("pod-3", Outcome::Ok(())));
        play.keeps(NAME);
    }

    #[test]
    fn an_owner_that_dies_leaves_its_heir_a_bound_and_no_excuse() {
        for (after_ms, is_found) in [(2_104, false), (2_106, true), (9_000, true)] {
            let mut play = stopped(after_ms);
            play.put(1_230, fault(2, "kill", "pod-2", aimed()));
            assert_eq!(play.findings(NAME).len(), usize::from(is_found), "{after_ms}");
        }
        // Told to stop, the owner has its grace first.
        for (after_ms, is_found) in [(7_100, false), (7_200, true)] {
            let mut play = stopped(after_ms);
            play.put(1_230, fault(2, "terminate", "pod-2", aimed()));
            assert_eq!(play.findings(NAME).len(), usize::from(is_found), "{after_ms}");
        }
    }

    #[test]
    fn a_turn_that_runs_to_its_natural_end_in_spite_of_a_stop_is_found() {
        let completed = |after_ms: u64| {
            let mut play = stopped(after_ms);
            play.turn_into(&call_ends(2, "pod-2", "client_gone"), call_ends(2, "pod-2", "complete"));
            let cancelled = turn_row(99, "turn-1", 2, Status::Cancelled);
            play.turn_into(&cancelled, turn_row(99, "turn-1", 2, Status::Completed));
            play
        };
        completed(5).keeps(NAME);
        completed(1_000).keeps(NAME);
        let finding = completed(1_500).breaks(NAME);
        assert_eq!(finding.expected, "an end of it as stopped within 2100 ms");
        assert_eq!(finding.got, "Completed, its answer whole 1500 ms after the stop");
    }

    #[test]
    fn a_failure_is_no_stop_unless_something_explains_it() {
        let failed = || {
            let mut play = stopped(100);
            let cancelled = turn_row(99, "turn-1", 2, Status::Cancelled);
            play.turn_into(&cancelled, turn_row(99, "turn-1", 2, Status::Failed));
            play
        };
        assert_eq!(failed().breaks(NAME).got, "Failed after 100 ms");
        let mut play = failed();
        play.turn_into(
            &call_ends(2, "pod-2", "client_gone"),
            call_ends(2, "pod-2", "fault:abort"),
        );
        play.keeps(NAME);
        let mut play = failed();
        play.put(1_230, fault(2, "kill", "pod-2", aimed()));
        play.keeps(NAME);
    }

    #[test]
    fn the_call_of_a_former_owner_that_is_frozen_is_not_judged() {
        let mut play = stopped(100);
        play.move_to(9_000, &call_ends(1, "pod-1", "client_gone"));
        play.breaks(NAME);
        play.put(41, fault(2, "pause", "pod-1", aimed()))
            .put(42, fault(2, "pause", "pod-1", observed()))
            .put(8_900, fault(2, "pause", "pod-1", FaultStep::Healed));
        play.keeps(NAME);
    }
}
