//! `cpu-throttled`: a pod gets a small share of one processor.
//!
//! Needs: an engine that can throttle a running container, and a pod with work to do. Observed: by the container's statistics
//! the kernel has throttled it. Healed by [`Nemesis::end_throttling`]: the engine reports no quota.

use std::time::{Duration, Instant};

use crate::cluster::{PartHandle, Role};
use crate::history::{Effect, Landing};
use crate::nemesis::Nemesis;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{Aim, InForce, refused, unseen};
use crate::nemesis::kind::{FaultKind, FaultSite, On};
use crate::system::needs::{Need, Power};
use crate::wait::{self, Look};

/// The fault.
pub(in crate::nemesis) const FAULT: FaultKind = FaultKind {
    name: "cpu-throttled",
    about: "a pod gets a small share of one CPU",
    on: On::Part(&[Role::Pod]),
    needs: &[Need::Power(Power::Limits)],
    effect: throttles,
};

fn throttles(site: &FaultSite) -> Effect {
    Effect {
        throttles: true,
        ..site.plain()
    }
}

/// Pause between two looks at the statistics.
const LOOK: Duration = Duration::from_millis(20);

/// A throttled pod.
#[derive(Debug, Clone)]
pub struct Throttled {
    fault: InForce,
    /// Number of throttled periods before the fault.
    before: u64,
    set_off: Option<Instant>,
}

impl Nemesis {
    /// Leaves a pod `percent` hundredths of a processor. The fault has landed only when [`Nemesis::is_throttled`] returns.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn throttle_cpu(
        &mut self,
        pod: &PartHandle,
        percent: u8,
        aim: Option<&Aim>,
        trigger: Option<Instant>,
    ) -> Result<Throttled, NemesisError> {
        let fault = self.aimed(&FAULT, pod, aim);
        let before = pod.throttled_periods().await.map_err(refused(&fault))?;
        pod.limit_cpu(percent).await.map_err(refused(&fault))?;
        Ok(Throttled {
            fault,
            before,
            set_off: trigger,
        })
    }

    /// Waits until the kernel has throttled a pod.
    ///
    /// # Errors
    /// It has not within `bound`.
    pub async fn is_throttled(
        &mut self,
        pod: &PartHandle,
        throttled: &Throttled,
        aim: Option<&Aim>,
        bound: Duration,
    ) -> Result<Landing, NemesisError> {
        let Throttled { fault, before, set_off } = throttled;
        let what = format!("{} to be throttled", fault.target);
        let periods = wait::until(&what, bound, LOOK, || async move {
            match pod.throttled_periods().await {
                Ok(periods) if periods > *before => Look::Done(periods - before),
                Ok(periods) => Look::NotYet(format!("{periods} throttled periods, as before")),
                Err(e) => Look::NotYet(e.to_string()),
            }
        });
        let periods = periods.await.map_err(|expired| unseen(fault, expired.to_string()))?;
        let proof = format!("throttled in {periods} periods, by the container's statistics");
        self.observed(fault, &proof, *set_off);
        self.landed(fault, aim).await
    }

    /// Lifts the quota of a pod.
    ///
    /// # Errors
    /// The engine refuses, or still reports a quota.
    pub async fn end_throttling(&mut self, pod: &PartHandle) -> Result<(), NemesisError> {
        let fault = self.in_force_on(&FAULT, pod);
        self.mending(&fault);
        pod.lift_limits().await.map_err(refused(&fault))?;
        self.mended(&fault);
        Ok(())
    }
}
