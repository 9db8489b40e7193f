//! Stops: acknowledged cancels with the turns that they are for, the time that a system has to heed them, and turns that ran to their
//! natural end in spite of one.
//!
//! A cancel is for the turn that it names, or else for the thread's turn: the one in progress, or the one that is next. By the time of its
//! answer a row of the turn is in the history, and no end of it. A row is read some time after its commit, so a turn that seems to run
//! may be over. That is why nothing is held against a turn whose answer was complete at about the time of the stop.
//!
//! A stop outlives its owner. The clock of a stop starts again when its owner is hit: at a death, at the end of a grace, or when a
//! pod freezes, is cut off, or is back.

use crate::history::{Capability, Ends, OnDeath, Status};
use crate::judge::view::{Call, Cancel, FaultSpan, ROW_LATENESS_US, Turn, View};

/// An acknowledged stop of a turn that was not over.
pub(in crate::judge) struct Stop<'v, 'a> {
    pub(in crate::judge) cancel: &'v Cancel<'a>,
    pub(in crate::judge) turn: &'v Turn<'a>,
    /// The turn's status at the time of the answer.
    pub(in crate::judge) status: Status,
}

/// Every acknowledged stop of a turn that was not over, in the order of the history.
pub(in crate::judge) fn acknowledged<'v, 'a>(view: &'v View<'a>) -> Vec<Stop<'v, 'a>> {
    let taken = view.cancels.iter().filter(|cancel| cancel.outcome.ok().is_some());
    taken.filter_map(|cancel| stop(view, cancel)).collect()
}

fn stop<'v, 'a>(view: &'v View<'a>, cancel: &'v Cancel<'a>) -> Option<Stop<'v, 'a>> {
    let turns = view.threads[cancel.thread]
        .turns
        .iter()
        .map(|place| &view.turns[*place]);
    let meant = turns.filter(|turn| cancel.turn.is_none_or(|own| own == turn.id));
    let open: Vec<Stop<'v, 'a>> = meant
        .filter_map(|turn| {
            let status = status_at(turn, cancel.at.n)?;
            (!status.is_terminal()).then_some(Stop { cancel, turn, status })
        })
        .collect();
    let running = open.iter().position(|stop| stop.status != Status::Queued);
    open.into_iter().nth(running.unwrap_or(0))
}

/// A turn's status when an event was recorded.
fn status_at(turn: &Turn<'_>, n: u64) -> Option<Status> {
    let rows = turn.rows.partition_point(|row| row.at.n < n);
    Some(turn.rows[rows.checked_sub(1)?].status)
}

impl<'v, 'a> Stop<'v, 'a> {
    /// `turn turn-1, cancelled on pod-3`.
    pub(in crate::judge) fn label(&self) -> String {
        format!("turn {}, cancelled on {}", self.turn.id, self.cancel.pod)
    }

    /// How long after the stop a moment is, in milliseconds.
    pub(in crate::judge) fn after_ms(&self, us: u64) -> u64 {
        us.saturating_sub(self.cancel.at.us) / 1000
    }

    /// When `bound_us` from the stop on is over for the turn's owners. Returns `None` if something that they need was never healed.
    pub(in crate::judge) fn deadline(&self, view: &View<'a>, bound_us: u64) -> Option<u64> {
        let mut from_us = self.cancel.at.us;
        loop {
            let by_us = view.faults.deadline(from_us, bound_us, None, &view.pods)?;
            let since_us = self.cancel.at.us.saturating_sub(bound_us);
            let mut later: Option<u64> = None;
            for fault in view
                .faults
                .during(since_us, by_us)
                .filter(|fault| self.is_of_owner(view, fault, by_us))
            {
                let again = restarts_us(view, fault, by_us)?.into_iter();
                let again = again.filter(|us| *us > from_us).min();
                later = later.into_iter().chain(again).min();
            }
            match later {
                Some(us) => from_us = us,
                None => return Some(by_us),
            }
        }
    }

    /// True if the fault hit a pod that owned the turn until a moment. Where owners are unknown any pod may have.
    fn is_of_owner(&self, view: &View<'a>, fault: &FaultSpan<'_>, until_us: u64) -> bool {
        if fault.excuses_nothing() || fault.excuses_everyone() || fault.is_starvation {
            return false;
        }
        let owners = view
            .owners(self.turn)
            .iter()
            .take_while(|owned| owned.at.us <= until_us);
        let mut owners = owners.filter_map(|owned| owned.owner);
        !view.can(Capability::Owner) || owners.any(|owner| owner.as_str() == fault.target)
    }

    /// True if something was broken for an owner of the turn from shortly before the stop to `until_us`.
    pub(in crate::judge) fn is_excused(&self, view: &View<'a>, until_us: u64) -> bool {
        let since_us = self.cancel.at.us.saturating_sub(view.bounds.takeover_ms * 1000);
        let owners = view
            .owners(self.turn)
            .iter()
            .take_while(|owned| owned.at.us <= until_us);
        let mut owners = owners.filter_map(|owned| owned.owner);
        owners.any(|owner| view.is_excused(Some(owner.as_str()), since_us, until_us))
            || view.dependency_faults_during(since_us, until_us).next().is_some()
    }

    /// How long after the stop the turn's answer was complete, in milliseconds, if the turn completed in spite of it. An answer that was
    /// complete within a lease of the stop may have been so before its owner knew.
    pub(in crate::judge) fn ran_to_its_end_ms(&self, view: &View<'a>) -> Option<u64> {
        let ended = self.turn.terminal().filter(|row| row.status == Status::Completed)?;
        let slack_ms = view.promised.lease_ms.unwrap_or(0).min(view.bounds.takeover_ms);
        let slack_us = (slack_ms * 1000).max(ROW_LATENESS_US);
        let complete_us = self.complete_us(view);
        if complete_us.is_none() && view.rules.stopped_is_completed {
            return None;
        }
        let end_us = complete_us.unwrap_or(ended.at.us.saturating_sub(ROW_LATENESS_US));
        (end_us > self.deadline(view, slack_us)?).then(|| self.after_ms(end_us))
    }

    /// When the provider had sent the last whole answer.
    fn complete_us(&self, view: &View<'a>) -> Option<u64> {
        let calls = self.calls(view).filter(|call| call.cause == Some("complete"));
        calls.filter_map(|call| call.ended).map(|at| at.us).max()
    }

    /// The provider's calls for the turn.
    pub(in crate::judge) fn calls(&self, view: &'v View<'a>) -> impl Iterator<Item = &'v Call<'a>> {
        self.turn.calls.iter().map(|call| &view.calls[*call])
    }
}

/// The times at which a fault of an owner starts a stop's clock, which is over at `by_us`, again. Returns `None` if it keeps its target
/// from work and was never healed, and for a death of which the system promises nothing.
fn restarts_us(view: &View<'_>, fault: &FaultSpan<'_>, by_us: u64) -> Option<Vec<u64>> {
    let healed_us = fault.healed.map(|at| at.us);
    let seen_us = fault.observed.unwrap_or(fault.aimed).us;
    let stands_still = fault.effect.freezes || fault.effect.isolates;
    match fault.effect.ends {
        Ends::AtOnce | Ends::InGoodOrder if view.rules.on_death == Some(OnDeath::Nothing) => None,
        Ends::AtOnce if view.rules.on_death == Some(OnDeath::Restart) => Some(vec![healed_us?]),
        Ends::AtOnce => Some(vec![seen_us]),
        Ends::InGoodOrder => Some(vec![seen_us.max(fault.aimed.us + view.bounds.drain_ms * 1000)]),
        Ends::Not if stands_still => {
            let back_us = healed_us.filter(|us| *us <= by_us);
            Some([Some(seen_us), back_us].into_iter().flatten().collect())
        }
        Ends::Not => Some(vec![healed_us?]),
    }
}
