//! `clock-shifted`: a pod's wall clock is ahead of its machine's or behind it; its monotonic clock is untouched.
//!
//! Needs: a pod with an admin port that can shift its clock. Observed: the pod reports the shift, and its time has moved in
//! that direction. Healed by [`Nemesis::set_clock_right`]: the pod reports no shift. The shift of a pod that died is gone with its
//! process, and healed by the restart. It excuses
//! nothing: no lease, takeover or order may depend on a pod's wall clock.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cluster::{PartHandle, Role};
use crate::history::{Effect, Excuses, Landing};
use crate::nemesis::Nemesis;
use crate::nemesis::admin::{ANSWER, AdminError, ask};
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{Aim, name, refused, unseen};
use crate::nemesis::kind::{FaultKind, On};
use crate::system::needs::Need;

/// The fault.
pub(in crate::nemesis) const FAULT: FaultKind = FaultKind {
    name: "clock-shifted",
    about: "a pod's wall clock jumps ahead or back",
    on: On::Part(&[Role::Pod]),
    needs: &[Need::Admin],
    effect: |_| Effect::excusing(Excuses::Nothing),
};

/// The distance and direction by which a wall clock is shifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shift {
    /// Ahead of the machine's.
    Forward(Duration),
    /// Behind the machine's.
    Backward(Duration),
}

impl Shift {
    fn ms(self) -> i64 {
        let ms = |by: Duration| i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        match self {
            Self::Forward(by) => ms(by),
            Self::Backward(by) => -ms(by),
        }
    }
}

/// A pod's answer about its clock.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Clock {
    shift_ms: i64,
    /// Time of the pod, RFC 3339, in UTC.
    now: String,
}

impl Nemesis {
    /// Shifts a pod's wall clock.
    ///
    /// # Errors
    /// The pod has no admin port, refuses, or reports a time that has not moved.
    pub async fn shift_clock(
        &mut self,
        pod: &PartHandle,
        by: Shift,
        aim: Option<&Aim>,
        trigger: Option<Instant>,
    ) -> Result<Landing, NemesisError> {
        let fault = self.aimed(&FAULT, pod, aim);
        self.shifted.push(pod.clone());
        let before = clock(pod, None).await.map_err(refused(&fault))?;
        let order = json!({ "shift_ms": by.ms() });
        clock(pod, Some(&order)).await.map_err(refused(&fault))?;
        let after = clock(pod, None).await.map_err(refused(&fault))?;
        let seen = format!(
            "the pod reports {} after {}, shifted by {} ms",
            after.now, before.now, after.shift_ms
        );
        if after.shift_ms != by.ms() || !has_moved(&before, &after) {
            return Err(unseen(&fault, seen));
        }
        self.observed(&fault, &seen, trigger);
        self.landed(&fault, aim).await
    }

    /// Ends the shift of a pod's clock. A pod that does not run has no clock to set: its restart heals the fault.
    ///
    /// # Errors
    /// The pod runs and does not answer, or reports that its clock is still shifted.
    pub async fn set_clock_right(&mut self, pod: &PartHandle) -> Result<(), NemesisError> {
        let fault = self.in_force_on(&FAULT, pod);
        if pod.admin_address().is_none() {
            return Ok(());
        }
        self.mending(&fault);
        let now = right(pod).await.map_err(refused(&fault))?;
        if now.shift_ms != 0 {
            return Err(unseen(
                &fault,
                format!("its clock is still shifted by {} ms", now.shift_ms),
            ));
        }
        self.shifted.retain(|other| name(other) != fault.target);
        self.mended(&fault);
        Ok(())
    }

    /// Ends the shift of every running pod's clock; a stopped pod has forgotten its own.
    ///
    /// # Errors
    /// A running pod does not answer. The next call tries it again.
    pub async fn set_clocks_right(&mut self) -> Result<(), NemesisError> {
        let mut failed = None;
        for pod in std::mem::take(&mut self.shifted) {
            if pod.admin_address().is_none() {
                continue;
            }
            if let Err(source) = right(&pod).await {
                failed = Some(NemesisError::Refused {
                    fault: FAULT.name.into(),
                    target: name(&pod),
                    source: source.into(),
                });
                self.shifted.push(pod);
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

async fn right(pod: &PartHandle) -> Result<Clock, AdminError> {
    clock(pod, Some(&json!({ "shift_ms": 0 }))).await
}

/// Asks a pod for its clock; with an `order`, shifts the clock first.
async fn clock(pod: &PartHandle, order: Option<&Value>) -> Result<Clock, AdminError> {
    let method = if order.is_some() { Method::PUT } else { Method::GET };
    let body = ask(pod, method, "clock", order, ANSWER).await?.ok()?;
    let text = body.to_string();
    serde_json::from_value(body).map_err(|bad| AdminError {
        what: "clock".to_owned(),
        got: format!("{bad} in {text}"),
    })
}

/// Returns true if the reported time has moved in the direction of the shift. UTC times of one form, year first, sort as text
/// down to the second, and every shift is larger than a second.
fn has_moved(before: &Clock, after: &Clock) -> bool {
    let seconds = |clock: &Clock| clock.now.get(..19).unwrap_or(&clock.now).to_owned();
    match after.shift_ms.cmp(&before.shift_ms) {
        Ordering::Greater => seconds(after) > seconds(before),
        Ordering::Less => seconds(after) < seconds(before),
        Ordering::Equal => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_says_it_is_shifted_must_tell_another_time() {
        let clock = |shift_ms, now: &str| Clock {
            shift_ms,
            now: now.to_owned(),
        };
        let before = clock(0, "2026-01-02T03:04:05.25Z");
        assert!(has_moved(&before, &clock(3_600_000, "2026-01-02T04:04:05.26Z")));
        assert!(has_moved(&before, &clock(-3_600_000, "2026-01-02T02:04:05.26Z")));
        assert!(!has_moved(&before, &clock(-3_600_000, "2026-01-02T03:04:05.26Z")));
        assert!(!has_moved(&before, &clock(3_600_000, "2026-01-02T03:04:05.26Z")));
        let hour = Duration::from_hours(1);
        assert_eq!(Shift::Forward(hour).ms(), -Shift::Backward(hour).ms());
    }
}
