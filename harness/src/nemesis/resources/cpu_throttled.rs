//! `cpu-throttled`: a pod gets a small part of one processor. Needs: an engine that can throttle what runs, and a pod that has
//! something to do. Observed: the kernel has kept it from running because its part was spent, by the container's own
//! statistics. Healed by [`Nemesis::end_throttling`]: the engine says that it has no quota.

use std::time::{Duration, Instant};

use crate::nemesis::{Aim, InForce, Nemesis, NemesisError, refused, unseen};
use crate::cluster::PartHandle;
use crate::history::Landing;
use crate::wait::{self, Look};

/// Its name.
const CPU_THROTTLED: &str = "cpu-throttled";
/// Pause between two looks at the statistics.
const LOOK: Duration = Duration::from_millis(20);

/// A pod that is throttled.
#[derive(Debug, Clone)]
pub struct Throttled {
    fault: InForce,
    /// In how many periods it had been kept from running before.
    before: u64,
    set_off: Option<Instant>,
}

impl Nemesis {
    /// Leaves a pod so many hundredths of a processor. It has landed only when [`Nemesis::is_throttled`] says so.
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
        let fault = self.aimed(CPU_THROTTLED, pod, aim);
        let before = pod.throttled_periods().await.map_err(refused(&fault))?;
        pod.limit_cpu(percent).await.map_err(refused(&fault))?;
        Ok(Throttled {
            fault,
            before,
            set_off: trigger,
        })
    }

    /// Waits until a pod was kept from running.
    ///
    /// # Errors
    /// It was not within `bound`.
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
                Ok(periods) => Look::NotYet(format!("{periods} periods, as before")),
                Err(e) => Look::NotYet(e.to_string()),
            }
        });
        let periods = periods.await.map_err(|expired| unseen(fault, expired.to_string()))?;
        let proof = format!("kept from running in {periods} periods, by the container's statistics");
        self.observed(fault, &proof, *set_off);
        self.landed(fault, aim).await
    }

    /// Gives a pod all of its processor again.
    ///
    /// # Errors
    /// The engine refuses, or says that there still is a quota.
    pub async fn end_throttling(&mut self, pod: &PartHandle) -> Result<(), NemesisError> {
        let fault = self.in_force_on(CPU_THROTTLED, pod);
        self.mending(&fault);
        pod.lift_limits().await.map_err(refused(&fault))?;
        self.mended(&fault);
        Ok(())
    }
}
