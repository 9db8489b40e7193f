//! Promise 32: a cancel works on every pod.
//!
//! A cancel is for the turn that is in progress when it is answered: by then the turn's row is in the history,
//! and no end of it. The bound is the takeover's, since the system has none of its own for cancels; its clock
//! starts again with each heal of a fault that keeps the pods from working. If the owner itself is broken,
//! another promise applies.

use crate::history::{Bound, Capability, PodName, Status};
use crate::judge::view::{Breach, Call, Cancel, Turn, View};
use crate::judge::{Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 32,
    name: "CancelAnywhere",
    statement: "a turn in progress that was cancelled through any pod is over within the takeover's bound, and so is every \
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
    view.cancels
        .iter()
        .filter(|cancel| cancel.outcome.ok().is_some())
        .filter_map(|cancel| check(view, cancel))
        .collect()
}

fn check(view: &View<'_>, cancel: &Cancel<'_>) -> Option<Breach> {
    let turn = in_progress(view, cancel)?;
    let bound_ms = view.bounds.takeover_ms;
    let by_us = view.faults.deadline(cancel.at.us, bound_ms * 1000, None, &view.pods)?;
    let owners = view.owners(turn);
    let owned = owners[..owners.partition_point(|owned| owned.at.n < cancel.at.n)].last()?;
    if view.is_excused(
        owned.owner.map(PodName::as_str),
        cancel.at.us.saturating_sub(bound_ms * 1000),
        by_us,
    ) {
        return None;
    }
    let breach = |n: u64, got: String| {
        Some(Breach {
            subject: format!("turn {}, cancelled on {}", turn.id, cancel.pod),
            thread: turn.thread,
            n,
            expected: format!("an end of it within {bound_ms} ms"),
            got,
        })
    };
    let after_ms = |us: u64| us.saturating_sub(cancel.at.us) / 1000;
    let until_us = view.watched_until_us();
    match turn.terminal() {
        Some(row) if row.at.us > by_us => {
            return breach(row.at.n, format!("{:?} after {} ms", row.status, after_ms(row.at.us)));
        }
        None if until_us > by_us => {
            return breach(cancel.at.n, format!("in progress after {} ms", after_ms(until_us)));
        }
        _ => {}
    }
    // A former owner that is frozen holds on to its call until it wakes.
    let is_held = |call: &&Call<'_>| view.is_excused(call.pod.map(PodName::as_str), cancel.at.us, by_us);
    let calls = turn.calls.iter().map(|call| &view.calls[*call]);
    let mut late = calls
        .filter(|call| call.started.is_some() && call.ended.map_or(until_us, |at| at.us) > by_us)
        .filter(|call| !is_held(call));
    let call = late.next()?;
    let got = match call.ended {
        Some(at) => format!("provider call {} ended after {} ms", call.ordinal, after_ms(at.us)),
        None => format!("provider call {} open after {} ms", call.ordinal, after_ms(until_us)),
    };
    breach(cancel.at.n, got)
}

/// The turn that a cancel is for.
fn in_progress<'v, 'a>(view: &'v View<'a>, cancel: &Cancel<'_>) -> Option<&'v Turn<'a>> {
    let mut turns = view.threads[cancel.thread]
        .turns
        .iter()
        .map(|place| &view.turns[*place])
        .filter(|turn| cancel.turn.is_none_or(|own| own == turn.id));
    turns.find(|turn| {
        let rows = turn.rows.partition_point(|row| row.at.n < cancel.at.n);
        rows > 0 && turn.rows[rows - 1].status == Status::InProgress
    })
}

#[cfg(test)]
mod tests {
    use crate::history::{FaultStep, Outcome, Status, What};
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
        play.without(|what| end.contains(what));
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
    fn a_refused_cancel_one_for_nothing_and_a_broken_owner_are_not_judged() {
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
        let mut play = stopped(9_000);
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
