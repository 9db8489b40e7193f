//! Faults that excuse a pod, or all of them, for a time.

use crate::judge::view::View;
use crate::judge::view::faults::FaultSpan;

impl<'a> View<'a> {
    /// The faults of what pods depend on.
    pub(crate) fn dependency_faults(&self) -> impl Iterator<Item = &FaultSpan<'a>> {
        self.faults.iter().filter(|fault| !self.pods.contains(fault.target))
    }

    /// Those of them that are in force at any moment of `from_us..=until_us`, whatever they do.
    pub(crate) fn dependency_faults_during(&self, from_us: u64, until_us: u64) -> impl Iterator<Item = &FaultSpan<'a>> {
        let during = self.faults.during(from_us, until_us);
        during.filter(|fault| !self.pods.contains(fault.target))
    }

    /// Whether anything was broken from `from_us` to `until_us` that keeps `pod` from its work: the pod itself, or what
    /// it depends on. Without a pod: whether anything was broken at all.
    pub(crate) fn is_excused(&self, pod: Option<&str>, from_us: u64, until_us: u64) -> bool {
        self.excuses(pod, from_us, until_us).next().is_some()
    }

    /// When the last of what was broken in that time was whole again; `from_us` where nothing was, and none where something never was.
    pub(crate) fn excused_until(&self, pod: Option<&str>, from_us: u64, until_us: u64) -> Option<u64> {
        let mut excuses = self.excuses(pod, from_us, until_us);
        excuses.try_fold(from_us, |last_us, fault| Some(last_us.max(fault.healed?.us)))
    }

    /// The same of what was broken on purpose alone, and not for want of a processor.
    pub(crate) fn is_broken(&self, pod: Option<&str>, from_us: u64, until_us: u64) -> bool {
        self.excuses(pod, from_us, until_us).any(|fault| !fault.is_starvation())
    }

    fn excuses(&self, pod: Option<&str>, from_us: u64, until_us: u64) -> impl Iterator<Item = &FaultSpan<'a>> {
        let concerns = move |target: &str| pod.is_none_or(|pod| pod == target) || !self.pods.contains(target);
        let during = self.faults.during(from_us, until_us);
        during.filter(move |fault| concerns(fault.target) && fault.touches(from_us, until_us))
    }
}
