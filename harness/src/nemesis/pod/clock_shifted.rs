//! `clock-shifted`: a pod's wall clock is ahead of its machine's, or behind, and its monotonic one is as it was. Needs: a pod
//! with an admin port that can shift it. Observed: the pod says by how much it is shifted, and its word of the time has
//! moved as far. Healed by [`Nemesis::set_clock_right`]: the pod says that it is shifted no more, or it was started again.
//!
//! It excuses nothing: no lease, takeover or order may hang on a pod's wall clock.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::nemesis::admin::{ADMIN_PORT, ANSWER, AdminError, ask};
use crate::nemesis::{Aim, Nemesis, NemesisError, refused, unseen};
use crate::cluster::PartHandle;
use crate::history::Landing;

/// Its name.
const CLOCK_SHIFTED: &str = "clock-shifted";

/// How far a wall clock is moved, and which way.
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

/// What a pod says of its clock.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Clock {
    shift_ms: i64,
    /// RFC 3339, in UTC.
    now: String,
}

impl Nemesis {
    /// Shifts a pod's wall clock.
    ///
    /// # Errors
    /// The pod has no admin port, refuses, or does not say that its time has moved.
    pub async fn shift_clock(
        &mut self,
        pod: &PartHandle,
        by: Shift,
        aim: Option<&Aim>,
        trigger: Option<Instant>,
    ) -> Result<Landing, NemesisError> {
        let fault = self.aimed(CLOCK_SHIFTED, pod, aim);
        self.shifted.push(pod.clone());
        let before = clock(pod, None).await.map_err(refused(&fault))?;
        let order = json!({ "shift_ms": by.ms() });
        clock(pod, Some(&order)).await.map_err(refused(&fault))?;
        let after = clock(pod, None).await.map_err(refused(&fault))?;
        let told = format!(
            "the pod says {} after {}, shifted by {} ms",
            after.now, before.now, after.shift_ms
        );
        if after.shift_ms != by.ms() || !has_moved(&before, &after) {
            return Err(unseen(&fault, told));
        }
        self.observed(&fault, &told, trigger);
        self.landed(&fault, aim).await
    }

    /// Sets a pod's clock right.
    ///
    /// # Errors
    /// The pod does not answer, or says that it is still shifted.
    pub async fn set_clock_right(&mut self, pod: &PartHandle) -> Result<(), NemesisError> {
        let fault = self.in_force_on(CLOCK_SHIFTED, pod);
        self.mending(&fault);
        let now = right(pod).await.map_err(refused(&fault))?;
        if now.shift_ms != 0 {
            return Err(unseen(&fault, format!("it is still shifted by {} ms", now.shift_ms)));
        }
        self.shifted.retain(|other| crate::nemesis::name(other) != fault.target);
        self.mended(&fault);
        Ok(())
    }

    /// Sets the clock of every pod right that a fault has shifted and that runs: one that does not has forgotten it.
    ///
    /// # Errors
    /// A pod that runs does not answer. It is tried again by the next call.
    pub async fn set_clocks_right(&mut self) -> Result<(), NemesisError> {
        let mut failed = None;
        for pod in std::mem::take(&mut self.shifted) {
            if pod.published(ADMIN_PORT).is_none() {
                continue;
            }
            if let Err(source) = right(&pod).await {
                failed = Some(NemesisError::Refused {
                    fault: CLOCK_SHIFTED.into(),
                    target: crate::nemesis::name(&pod),
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

/// What a pod says of its clock, after it was told to shift it where it was.
async fn clock(pod: &PartHandle, order: Option<&Value>) -> Result<Clock, AdminError> {
    let method = if order.is_some() { Method::PUT } else { Method::GET };
    let body = ask(pod, method, "clock", order, ANSWER).await?.ok()?;
    let told = body.to_string();
    serde_json::from_value(body).map_err(|bad| AdminError {
        what: "clock".to_owned(),
        got: format!("{bad} in {told}"),
    })
}

/// Whether the pod's word of the time has gone the way that it was shifted, against the way that time goes where it must.
/// UTC times of one form, four digits of year first, sort as text down to the second; a shift is of more than that.
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
