//! Faults that excuse a pod, or all of them, for a time.

use crate::history::Capability;
use crate::judge::view::View;
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

    /// True if a fault may have taken frames from the stream log before a moment, and the system has no frame that says so.
    pub(crate) fn may_have_lost_its_log(&self, until_us: u64) -> bool {
        let mut faults = self.dependency_faults();
        !self.can(Capability::Resync) && faults.any(|fault| fault.aimed.us <= until_us && fault.loses_the_log())
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
