//! `hold at FAILPOINT`: one task of a pod stops at a failpoint, and the pod does all else as before.
//!
//! Needs: a pod with failpoints. Observed: the pod reports that it holds there. Judged by owner and epoch if tasks at that
//! failpoint have an owner. Healed: the task was released, or the pod was restarted. Arming alone breaks nothing and is not
//! recorded: the fault begins with the pod that holds. A failpoint that a pod passes at its start is armed in the life
//! before, which keeps the order for the next. Killing or freezing the held pod is the business of those faults.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cluster::{PartHandle, Role};
use crate::history::{Effect, Epoch, Excuses, PodName, ThreadId, TurnId};
use crate::nemesis::Nemesis;
use crate::nemesis::admin::{ANSWER, AdminError, Answer, ask};
use crate::nemesis::error::{NemesisError, Refusal};
use crate::nemesis::failpoints::{Arming, Failpoint};
use crate::nemesis::in_force::{Aim, InForce, name, refused};
use crate::nemesis::kind::{FaultKind, On};
use crate::nemesis::process::terminate;
use crate::system::needs::Need;
use crate::wait::Expired;

/// Pods with an order to hold at a failpoint.
#[derive(Debug)]
pub struct Armed {
    point: Failpoint,
    pods: Vec<PartHandle>,
}

impl Armed {
    /// The failpoint.
    pub fn point(&self) -> Failpoint {
        self.point
    }
}

/// A pod that holds at a failpoint.
#[derive(Debug, Clone)]
pub struct Held {
    /// Name of the pod.
    pub pod: PodName,
    /// The failpoint.
    pub point: Failpoint,
    /// The turn of the held task; `None` if the task knows none.
    pub turn: Option<TurnId>,
    /// The pod as the turn's owner; `None` if tasks at this failpoint have no owner.
    pub aim: Option<Aim>,
    /// Time at which it was seen to hold.
    pub seen: Instant,
}

/// The reason for which no pod is known to hold.
#[derive(Debug, thiserror::Error)]
pub enum NoHold {
    /// No task came to the failpoint in time.
    #[error(transparent)]
    Expired(#[from] Expired),
    /// The fault could not be injected or judged.
    #[error(transparent)]
    Nemesis(#[from] NemesisError),
}

/// The task that a pod reports as held.
#[derive(Debug, Deserialize)]
struct Stay {
    thread: Option<ThreadId>,
    turn: Option<TurnId>,
    epoch: Option<Epoch>,
}

/// The fault.
pub(in crate::nemesis) const FAULT: FaultKind = FaultKind {
    name: "hold at",
    about: "one task of a pod stops between two steps, and the pod does all else",
    on: On::Part(&[Role::Pod]),
    needs: &[Need::Admin],
    effect: |_| Effect::excusing(Excuses::Nothing),
};

impl Nemesis {
    /// Orders each pod to hold the next task that comes to `point`; with a `thread`, only a task of that thread.
    ///
    /// # Errors
    /// A pod has no failpoints, does not run, or already holds a task there.
    pub async fn arm(
        &mut self,
        pods: &[PartHandle],
        point: Failpoint,
        thread: Option<&ThreadId>,
    ) -> Result<Armed, NemesisError> {
        let order = json!({ "action": "hold", "thread": thread });
        self.order(pods, point, &order, false).await
    }

    /// Orders each running pod to hold the first task that comes to `point` in its next life.
    ///
    /// # Errors
    /// A pod has no failpoints, does not run, or cannot keep the order.
    pub async fn arm_next_life(&mut self, pods: &[PartHandle], point: Failpoint) -> Result<Armed, NemesisError> {
        let order = json!({ "action": "hold", "life": "next" });
        self.order(pods, point, &order, true).await
    }

    async fn order(
        &mut self,
        pods: &[PartHandle],
        point: Failpoint,
        order: &Value,
        next_life: bool,
    ) -> Result<Armed, NemesisError> {
        for pod in pods {
            self.armed.push(Arming {
                pod: pod.clone(),
                point,
                next_life,
            });
            let asked = ask(pod, Method::PUT, &path(point, ""), Some(order), ANSWER).await;
            asked.and_then(Answer::ok).map_err(not_armed(pod, point))?;
        }
        Ok(Armed {
            point,
            pods: pods.to_vec(),
        })
    }

    /// Waits until one of the armed pods reports that it holds, and disarms the others.
    ///
    /// # Errors
    /// No pod holds within `bound`, or a pod does not answer.
    pub async fn held(&mut self, armed: Armed, bound: Duration) -> Result<Held, NoHold> {
        let Armed { point, pods } = armed;
        let Some((pod, stay)) = first_to_hold(point, &pods, bound).await? else {
            return Err(self.nobody_came(point, &pods, bound).await.into());
        };
        let seen = Instant::now();
        let aim = stay.thread.zip(stay.epoch).filter(|_| point.has_owner());
        let aim = aim.map(|(thread, epoch)| Aim {
            thread,
            turn: None,
            owner: name(&pod),
            epoch,
            attempt: None,
        });
        let fault = self.aimed_at(point, &pod, aim.as_ref());
        self.observed(&fault, "the pod reports that it holds there", None);
        self.landed(&fault, aim.as_ref()).await?;
        // The hold proves the SIGTERM too: the pod may be killed before its own exit can prove it.
        let terminate = self.find_in_force(terminate::FAULT.name, &fault.target);
        if let Some(terminate) = terminate.filter(|_| point == Failpoint::InsideDrain) {
            self.observed(&terminate, "the pod holds inside its drain", None);
        }
        let others: Vec<&PartHandle> = pods.iter().filter(|other| name(other) != fault.target).collect();
        for disarmed in join_all(others.iter().map(|other| disarm(other, point))).await {
            disarmed.map_err(refused(&fault))?;
        }
        // A pod that was armed by another order may still hold.
        let is_other = |pod: &PartHandle| others.iter().any(|other| name(other) == name(pod));
        self.armed.retain(|armed| armed.point != point || !is_other(&armed.pod));
        Ok(Held {
            pod: fault.target,
            point,
            turn: stay.turn,
            aim,
            seen,
        })
    }

    /// Releases the task that a pod holds.
    ///
    /// # Errors
    /// The pod does not answer.
    pub async fn release(&mut self, pod: &PartHandle, point: Failpoint) -> Result<(), NemesisError> {
        let fault = self.holding(point, pod);
        self.mending(&fault);
        disarm(pod, point).await.map_err(refused(&fault))?;
        self.armed
            .retain(|armed| armed.point != point || name(&armed.pod) != fault.target);
        self.mended(&fault);
        Ok(())
    }

    /// Unfreezes a pod and releases the task that it holds. The release is sent while the pod is frozen, so that the pod reads
    /// it on waking, together with all else that came meanwhile.
    ///
    /// # Errors
    /// The engine refuses, or the pod does not answer after it was unfrozen.
    pub async fn resume_and_release(&mut self, pod: &PartHandle, point: Failpoint) -> Result<(), NemesisError> {
        let hold = self.holding(point, pod);
        self.mending(&hold);
        let (released, resumed) = tokio::join!(disarm(pod, point), self.resume(pod));
        resumed?;
        released.map_err(refused(&hold))?;
        self.armed
            .retain(|armed| armed.point != point || name(&armed.pod) != hold.target);
        self.mended(&hold);
        Ok(())
    }

    /// Disarms every running pod and releases every held task. The next call tries again what failed.
    ///
    /// # Errors
    /// A running pod does not answer.
    pub async fn disarm_all(&mut self) -> Result<(), NemesisError> {
        let mut failed = None;
        for armed in std::mem::take(&mut self.armed) {
            // A stopped pod forgets its orders, except those for its next life.
            if armed.pod.admin_address().is_none() {
                self.armed.extend(armed.next_life.then_some(armed));
                continue;
            }
            if let Err(error) = disarm(&armed.pod, armed.point).await {
                failed = Some(not_armed(&armed.pod, armed.point)(error));
                self.armed.push(armed);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn aimed_at(&mut self, point: Failpoint, pod: &PartHandle, aim: Option<&Aim>) -> InForce {
        let fault = InForce {
            fault: fault_name(point).into(),
            ..self.next(&FAULT, pod)
        };
        self.begin(fault, aim)
    }

    fn holding(&self, point: Failpoint, pod: &PartHandle) -> InForce {
        self.in_force_as(&fault_name(point), pod)
    }

    async fn nobody_came(&self, point: Failpoint, pods: &[PartHandle], bound: Duration) -> Expired {
        let stand = join_all(pods.iter().map(|pod| async move {
            let stands = ask(pod, Method::GET, &path(point, "/held?timeout_ms=0"), None, ANSWER).await;
            let stands = stands.map_or_else(|error| error.to_string(), |answer| answer.body.to_string());
            format!("{}: {stands}", name(pod))
        }));
        Expired {
            what: format!("a pod to hold at {}", point.name()),
            bound,
            last: stand.await.join("; "),
        }
    }
}

/// Returns the first pod that reports to hold, and the held task; `None` if none does within `bound`.
async fn first_to_hold(
    point: Failpoint,
    pods: &[PartHandle],
    bound: Duration,
) -> Result<Option<(PartHandle, Stay)>, NemesisError> {
    let path = path(point, &format!("/held?timeout_ms={}", bound.as_millis()));
    let mut asked: FuturesUnordered<_> = pods
        .iter()
        .map(|pod| {
            let asked = ask(pod, Method::GET, &path, None, bound + ANSWER);
            async move { (pod, asked.await) }
        })
        .collect();
    while let Some((pod, answer)) = asked.next().await {
        let answer = answer.map_err(not_armed(pod, point))?;
        if answer.status == StatusCode::REQUEST_TIMEOUT {
            continue;
        }
        let stay = answer.ok().and_then(|body| read(&path, body));
        return stay
            .map(|stay| Some((pod.clone(), stay)))
            .map_err(not_armed(pod, point));
    }
    Ok(None)
}

async fn disarm(pod: &PartHandle, point: Failpoint) -> Result<(), AdminError> {
    let asked = ask(pod, Method::DELETE, &path(point, ""), None, ANSWER).await;
    asked?.ok().map(drop)
}

/// The name of a hold in histories.
fn fault_name(point: Failpoint) -> String {
    format!("{} {}", FAULT.name, point.name())
}

fn path(point: Failpoint, rest: &str) -> String {
    format!("failpoints/{}{rest}", point.name())
}

fn read(what: &str, body: Value) -> Result<Stay, AdminError> {
    let text = body.to_string();
    serde_json::from_value(body).map_err(|bad| AdminError {
        what: what.to_owned(),
        got: format!("{bad} in {text}"),
    })
}

fn not_armed(pod: &PartHandle, point: Failpoint) -> impl FnOnce(AdminError) -> NemesisError + use<> {
    let target = name(pod);
    move |error| NemesisError::Refused {
        fault: fault_name(point).into(),
        target,
        source: Refusal::Admin(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stay_is_read_as_the_pod_knows_it_and_nonsense_is_quoted() {
        let stay = read(
            "held",
            json!({ "since": "2026", "thread": "th", "turn": null, "epoch": 3 }),
        )
        .expect("a stay");
        assert_eq!(
            (stay.thread, stay.turn, stay.epoch),
            (Some("th".into()), None, Some(Epoch(3)))
        );
        let error = read("held", json!({ "epoch": "three" }))
            .expect_err("no stay")
            .to_string();
        assert!(
            error.starts_with("admin port: held: ") && error.contains(r#"{"epoch":"three"}"#),
            "{error}"
        );
    }
}
