//! Stops: acknowledged cancels with the turns that they are for, the time that a system has to heed them, and turns that ran to their
//! natural end in spite of one.
//!
//! A cancel is for the turn that it names, or else for the thread's turn: the one in progress, or the one that is next. By the time of its
//! answer no end of the turn is in the history, and a row of it or the answer to its post: an acknowledged turn without a row waits, as far
//! as anybody knows. If the cancel names no turn, such a turn counts only if it is certain that no other turn was meant. A row is read some time after its commit, so a turn that seems to run
//! may be over. That is why nothing is held against a turn whose answer was complete at about the time of the stop.
//!
//! A stop outlives its owner. The clock of a stop starts again when its owner is hit: at a death, at the end of a grace, or when a
//! pod freezes, is cut off, or is back.
//!
//! The clock is for an owner that had the turn before the stop. An heir needs no time to heed a stop: an acknowledged stop is stored, and
//! the heir reads the turn to claim it. So no heir may complete a turn that it claimed certainly after the stop, however fast it is.

use super::provider_work::{self, Claim};
use super::unjustified_takeovers::{self, ONE_TRANSACTION_US};
use crate::history::{Capability, Ends, OnDeath, PodName, Status};
use crate::judge::view::{Call, Cancel, FaultSpan, Owned, ROW_LATENESS_US, Turn, View};

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
    let is_only = open.len() == 1;
    let stop = open.into_iter().nth(running.unwrap_or(0))?;
    let is_read = status_read_at(stop.turn, cancel.at.n).is_some();
    (is_read || cancel.turn.is_some() || is_only && follows_all_others(view, stop.turn)).then_some(stop)
}

/// A turn's status when an event was recorded. A turn that was acknowledged, and whose rows are not read yet, waits.
fn status_at(turn: &Turn<'_>, n: u64) -> Option<Status> {
    let is_acknowledged = turn.accepted.is_some_and(|at| at.n < n);
    status_read_at(turn, n).or(is_acknowledged.then_some(Status::Queued))
}

/// As [`status_at`], by the rows alone.
fn status_read_at(turn: &Turn<'_>, n: u64) -> Option<Status> {
    let rows = turn.rows.partition_point(|row| row.at.n < n);
    Some(turn.rows[rows.checked_sub(1)?].status)
}

/// True if every other turn of the thread whose message was posted before this one's was over by then.
fn follows_all_others(view: &View<'_>, turn: &Turn<'_>) -> bool {
    let Some((thread, posted)) = turn.thread.zip(turn.posted) else {
        return false;
    };
    let others = view.threads[thread].turns.iter().map(|place| &view.turns[*place]);
    let mut others = others.filter(|other| other.id != turn.id && other.asked().is_some_and(|at| at.n < posted.n));
    others.all(|other| other.terminal().is_some_and(|row| row.at.n < posted.n))
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
    /// complete within a lease of the stop may have been so before its owner knew, unless the owner is an heir.
    pub(in crate::judge) fn ran_to_its_end_ms(&self, view: &View<'a>) -> Option<u64> {
        let ended = self.turn.terminal().filter(|row| row.status == Status::Completed)?;
        if let Some(us) = self.completed_by_an_heir_us(view) {
            return Some(self.after_ms(us));
        }
        let lease_ms = view.promised.lease_ms.unwrap_or(0).min(view.bounds.takeover_ms);
        let slack_us = (lease_ms * 1000).max(ROW_LATENESS_US);
        let complete_us = self.complete_us(view);
        if complete_us.is_none() && view.rules.stopped_is_completed {
            return None;
        }
        let end_us = complete_us.unwrap_or(ended.at.us.saturating_sub(ROW_LATENESS_US));
        (end_us > self.deadline(view, slack_us)?).then(|| self.after_ms(end_us))
    }

    /// When the provider had sent the last whole answer to an owner that claimed the turn certainly after the stop.
    fn completed_by_an_heir_us(&self, view: &View<'a>) -> Option<u64> {
        if !provider_work::tells_claims(view) {
            return None;
        }
        let claims = provider_work::claims(view, self.turn).into_iter();
        let heirs: Vec<Claim<'_>> = claims.filter(|claim| self.is_certainly_before(view, claim)).collect();
        let whole = self.calls(view).filter(|call| call.cause == Some("complete"));
        // A call may be recorded before the claim that it follows, and never by more than a row may be late.
        let is_of = |call: &Call<'_>, heir: &Claim<'_>| {
            let is_its_own = call.pod.is_none() || call.pod == heir.owner;
            let from_us = self.cancel.at.us.max(heir.at.us.saturating_sub(ROW_LATENESS_US));
            is_its_own && call.started.is_some_and(|at| at.us > from_us)
        };
        let whole = whole.filter(|call| heirs.iter().any(|heir| is_of(call, heir)));
        whole.filter_map(|call| call.ended).map(|at| at.us).max()
    }

    /// True if the stop was stored before a claim: the claim's row was read later than any row from before the stop, or the turn could
    /// not be taken from its owner before the stop.
    fn is_certainly_before(&self, view: &View<'a>, claim: &Claim<'_>) -> bool {
        let (stopped, owner) = (self.cancel.at, claim.owner.map(PodName::as_str));
        let mut broken = view.dependency_faults_during(stopped.us.saturating_sub(ROW_LATENESS_US), claim.at.us);
        if claim.at.n < stopped.n || broken.next().is_some() {
            return false;
        }
        let read_by_us = view.faults.deadline(stopped.us, ROW_LATENESS_US, owner, &view.pods);
        let is_read_later = read_by_us.is_some_and(|us| claim.at.us > us);
        is_read_later
            || self
                .loser(view, claim)
                .is_some_and(|from| self.holds_until_the_stop(view, from))
    }

    /// The row of the pod that a claim takes the turn from, if nobody gave the turn back in between.
    fn loser<'w>(&'w self, view: &'w View<'a>, claim: &Claim<'_>) -> Option<&'w Owned<'a>> {
        let owners = view.owners(self.turn);
        let is_its = |owned: &Owned<'_>| {
            let is_at_once = owned.at.us.abs_diff(claim.at.us) <= ONE_TRANSACTION_US;
            owned.owner == claim.owner && owned.status == Status::InProgress && is_at_once
        };
        let from = owners.get(owners.iter().position(is_its)?.checked_sub(1)?)?;
        let is_held = from.owner.is_some() && from.owner != claim.owner && from.status == Status::InProgress;
        is_held.then_some(from)
    }

    /// True if nothing allowed a peer to take the turn from its owner by the time of the stop.
    fn holds_until_the_stop(&self, view: &View<'a>, from: &Owned<'a>) -> bool {
        let stopped = self.cancel.at;
        let still_us = unjustified_takeovers::still_us(self.turn, stopped.us);
        from.at.n < stopped.n && !unjustified_takeovers::may_be_taken(view, from.owner, stopped.us, still_us)
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
