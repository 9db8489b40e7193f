//! Faults that excuse a pod, or all of them, for a time.

use crate::history::{Capability, TurnId};
use crate::judge::view::View;
use crate::judge::view::entities::turn::Turn;
use crate::judge::view::faults::FaultSpan;

impl<'a> View<'a> {
    /// The faults of what all pods depend on.
    pub(crate) fn dependency_faults(&self) -> impl Iterator<Item = &FaultSpan<'a>> {
        self.faults.iter().filter(|fault| fault.excuses_everyone())
    }

    /// The faults of what all pods depend on that are in force at any moment of `from_us..=until_us`.
    pub(crate) fn dependency_faults_during(&self, from_us: u64, until_us: u64) -> impl Iterator<Item = &FaultSpan<'a>> {
        let during = self.faults.during(from_us, until_us);
        during.filter(|fault| fault.excuses_everyone())
    }

    /// True if a fault may have taken frames of the turn from the stream log before a moment, and the system has no frame that says so.
    pub(crate) fn may_have_lost_the_log_of(&self, turn: Option<&TurnId>, until_us: u64) -> bool {
        let mut faults = self.dependency_faults();
        !self.can(Capability::Resync)
            && faults.any(|fault| fault.loses_the_log() && self.may_be_missing(fault, turn, until_us))
    }

    /// True if frames of the turn may be missing from the stream log at a moment because of what was broken before: something that all
    /// depend on was broken while the turn ran, or the log was lost after it had begun.
    pub(crate) fn may_be_missing_from_the_log(&self, turn: Option<&TurnId>, until_us: u64) -> bool {
        let mut faults = self.dependency_faults();
        faults.any(|fault| self.may_be_missing(fault, turn, until_us))
    }

    /// True if something that all depend on is broken at a moment, or was shortly before.
    pub(crate) fn is_in_aftermath(&self, us: u64) -> bool {
        let mut faults = self.dependency_faults();
        faults.any(|fault| fault.aimed.us <= us && us <= self.over_us(fault))
    }

    fn may_be_missing(&self, fault: &FaultSpan<'_>, turn: Option<&TurnId>, until_us: u64) -> bool {
        let turn = turn.and_then(|turn| self.turn(turn)).map(|place| &self.turns[place]);
        let asked_us = turn.map_or(0, Turn::asked_us);
        let ended_us = turn.and_then(Turn::terminal).map_or(u64::MAX, |row| row.at.us);
        let is_met = asked_us <= self.over_us(fault) && (fault.loses_the_log() || ended_us >= fault.aimed.us);
        fault.aimed.us <= until_us && is_met
    }

    /// When a fault of what all depend on shows no longer: pods find out that it is healed, and owners may change.
    fn over_us(&self, fault: &FaultSpan<'_>) -> u64 {
        let aftermath_us = (self.bounds.lease_ms + self.bounds.takeover_ms) * 1000;
        fault.healed.map_or(u64::MAX, |at| at.us.saturating_add(aftermath_us))
    }

    /// True if anything was broken from `from_us` to `until_us` that keeps `pod` from its work: the pod
    /// itself, or a dependency. Without a pod: if anything was broken at all.
    pub(crate) fn is_excused(&self, pod: Option<&str>, from_us: u64, until_us: u64) -> bool {
        self.excuses(pod, from_us, until_us).next().is_some()
    }

    /// When the last fault of that time was healed. Returns `from_us` if there was none, and `None` if one
    /// was never healed.
    pub(crate) fn excused_until(&self, pod: Option<&str>, from_us: u64, until_us: u64) -> Option<u64> {
        let mut excuses = self.excuses(pod, from_us, until_us);
        excuses.try_fold(from_us, |last_us, fault| Some(last_us.max(fault.healed?.us)))
    }

    /// As [`View::is_excused`], for injected faults only, without CPU starvation.
    pub(crate) fn is_broken(&self, pod: Option<&str>, from_us: u64, until_us: u64) -> bool {
        self.excuses(pod, from_us, until_us).any(|fault| !fault.is_starvation)
    }

    fn excuses(&self, pod: Option<&str>, from_us: u64, until_us: u64) -> impl Iterator<Item = &FaultSpan<'a>> {
        let during = self.faults.during(from_us, until_us);
        during.filter(move |fault| match pod {
            Some(pod) => fault.excuses(pod),
            None => !fault.excuses_nothing(),
        })
    }
}
