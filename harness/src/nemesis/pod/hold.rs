//! `hold at FAILPOINT`: one task of a pod stops at a named place between two of its steps, and the pod does all else as
//! before. Needs: a pod with failpoints. Observed: the pod says that it holds there. Judged by owner and epoch where that
//! place has an owner. Healed: the task was let go, or the pod was started again.
//!
//! Arming breaks nothing and is not told; the fault begins with the pod that holds. To kill or freeze that pod there is
//! the business of the other faults. What a pod passes as it starts is armed in the life before, which keeps the order for
//! the next.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::nemesis::admin::{ADMIN_PORT, ANSWER, AdminError, Answer, ask};
use crate::nemesis::{Aim, Nemesis, NemesisError, Refusal, name, refused};
use crate::cluster::PartHandle;
use crate::history::{Epoch, PodName, ThreadId, TurnId};
use crate::wait::Expired;

/// A place between two steps of a pod, by what it has done and not done there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failpoint {
    /// A message is stored, and its client has not been told.
    AfterInsertBefore202,
    /// A turn is claimed, and nothing else of the attempt is there.
    AfterClaimBeforeCall,
    /// A piece of the answer is shown, and not stored.
    AfterPublishBeforePersist,
    /// A turn's end is stored, and nobody has been told.
    AfterCommitBeforeAnnounce,
    /// Readers were told to drop the attempt before, and what is left of it is still there.
    InsideTakeover,
    /// Work in flight is ended or dropped, and survivors have not been told.
    InsideDrain,
    /// Acknowledged feedback is set aside to be stored, and none of it is.
    InsideSpoolDrain,
    /// Feedback that a former life had set aside is stored, and still set aside.
    InsideSpoolRecovery,
}

impl Failpoint {
    /// The name that pods know it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AfterInsertBefore202 => "after-insert-before-202",
            Self::AfterClaimBeforeCall => "after-claim-before-call",
            Self::AfterPublishBeforePersist => "after-publish-before-persist",
            Self::AfterCommitBeforeAnnounce => "after-commit-before-announce",
            Self::InsideTakeover => "inside-takeover",
            Self::InsideDrain => "inside-drain",
            Self::InsideSpoolDrain => "inside-spool-drain",
            Self::InsideSpoolRecovery => "inside-spool-recovery",
        }
    }

    /// The fault's name.
    const fn fault(self) -> &'static str {
        match self {
            Self::AfterInsertBefore202 => "hold at after-insert-before-202",
            Self::AfterClaimBeforeCall => "hold at after-claim-before-call",
            Self::AfterPublishBeforePersist => "hold at after-publish-before-persist",
            Self::AfterCommitBeforeAnnounce => "hold at after-commit-before-announce",
            Self::InsideTakeover => "hold at inside-takeover",
            Self::InsideDrain => "hold at inside-drain",
            Self::InsideSpoolDrain => "hold at inside-spool-drain",
            Self::InsideSpoolRecovery => "hold at inside-spool-recovery",
        }
    }

    /// Whether whoever is held there owns the turn by the books. A message that was just stored has no owner yet, a turn
    /// that has just ended none any more, a pod drains as a whole, and feedback is no turn.
    const fn is_an_owner_s(self) -> bool {
        matches!(
            self,
            Self::AfterClaimBeforeCall | Self::AfterPublishBeforePersist | Self::InsideTakeover
        )
    }
}

/// A pod that may hold at a failpoint.
#[derive(Debug)]
pub(in crate::nemesis) struct Arming {
    pod: PartHandle,
    point: Failpoint,
    /// Whether the order is for the pod's next life: one that does not run has not forgotten it.
    next_life: bool,
}

/// Pods that are to hold at a failpoint.
#[derive(Debug)]
pub struct Armed {
    point: Failpoint,
    pods: Vec<PartHandle>,
}

impl Armed {
    /// Where they are to hold.
    pub fn point(&self) -> Failpoint {
        self.point
    }
}

/// A pod that holds at a failpoint.
#[derive(Debug, Clone)]
pub struct Held {
    /// The pod.
    pub pod: PodName,
    /// Where it holds.
    pub point: Failpoint,
    /// The turn that the held task is at work on, where it knows one.
    pub turn: Option<TurnId>,
    /// The pod as that turn's owner, where the place is an owner's.
    pub aim: Option<Aim>,
    /// When it was seen to hold.
    pub seen: Instant,
}

/// Why no pod is known to hold.
#[derive(Debug, thiserror::Error)]
pub enum NoHold {
    /// None came by in time.
    #[error(transparent)]
    Expired(#[from] Expired),
    /// The fault could not be injected or judged.
    #[error(transparent)]
    Nemesis(#[from] NemesisError),
}

/// Who a pod says is held.
#[derive(Debug, Deserialize)]
struct Stay {
    thread: Option<ThreadId>,
    turn: Option<TurnId>,
    epoch: Option<Epoch>,
}

impl Nemesis {
    /// Lets each of the pods hold the next task that comes to `point`; only one at work on `thread`, where one is named.
    ///
    /// # Errors
    /// A pod has no failpoints, does not run, or holds somebody there already.
    pub async fn arm(
        &mut self,
        pods: &[PartHandle],
        point: Failpoint,
        thread: Option<&ThreadId>,
    ) -> Result<Armed, NemesisError> {
        let order = json!({ "action": "hold", "thread": thread });
        self.order(pods, point, &order, false).await
    }

    /// Lets each of the pods, which run, hold the first task that comes to `point` once they were started again.
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

    /// Waits until one of the armed pods says that it holds, and disarms the others.
    ///
    /// # Errors
    /// None holds within `bound`, or one does not answer.
    pub async fn held(&mut self, armed: Armed, bound: Duration) -> Result<Held, NoHold> {
        let Armed { point, pods } = armed;
        let Some((pod, stay)) = first_to_hold(point, &pods, bound).await? else {
            return Err(self.nobody_came(point, &pods, bound).await.into());
        };
        let seen = Instant::now();
        let aim = stay.thread.zip(stay.epoch).filter(|_| point.is_an_owner_s());
        let aim = aim.map(|(thread, epoch)| Aim {
            thread,
            owner: name(&pod),
            epoch,
        });
        let fault = self.aimed(point.fault(), &pod, aim.as_ref());
        self.observed(&fault, "the pod says that it holds there", None);
        self.landed(&fault, aim.as_ref()).await?;
        // It may be killed before it is gone of its own accord, and has heard all the same that it is to stop.
        let told = self.find_in_force("terminate", &fault.target);
        if let Some(told) = told.filter(|_| point == Failpoint::InsideDrain) {
            self.observed(&told, "the pod holds inside its drain", None);
        }
        let others = pods.iter().filter(|other| name(other) != fault.target);
        for disarmed in join_all(others.map(|other| disarm(other, point))).await {
            disarmed.map_err(refused(&fault))?;
        }
        self.armed
            .retain(|armed| armed.point != point || name(&armed.pod) == fault.target);
        Ok(Held {
            pod: fault.target,
            point,
            turn: stay.turn,
            aim,
            seen,
        })
    }

    /// Lets go whoever a pod holds.
    ///
    /// # Errors
    /// The pod does not answer.
    pub async fn release(&mut self, pod: &PartHandle, point: Failpoint) -> Result<(), NemesisError> {
        let fault = self.in_force_on(point.fault(), pod);
        self.mending(&fault);
        disarm(pod, point).await.map_err(refused(&fault))?;
        self.armed
            .retain(|armed| armed.point != point || name(&armed.pod) != fault.target);
        self.mended(&fault);
        Ok(())
    }

    /// Lets a frozen pod go on, and whoever it holds too: told while it is frozen, so that it hears it when it wakes, together
    /// with whatever else came meanwhile.
    ///
    /// # Errors
    /// The engine refuses, or the pod does not answer once it is awake.
    pub async fn resume_and_release(&mut self, pod: &PartHandle, point: Failpoint) -> Result<(), NemesisError> {
        let hold = self.in_force_on(point.fault(), pod);
        self.mending(&hold);
        let (released, resumed) = tokio::join!(disarm(pod, point), self.resume(pod));
        resumed?;
        released.map_err(refused(&hold))?;
        self.armed
            .retain(|armed| armed.point != point || name(&armed.pod) != hold.target);
        self.mended(&hold);
        Ok(())
    }

    /// Disarms every pod that runs and lets go whoever is held. What could not be had now is tried again by the next call.
    ///
    /// # Errors
    /// A pod that runs does not answer.
    pub async fn disarm_all(&mut self) -> Result<(), NemesisError> {
        let mut failed = None;
        for armed in std::mem::take(&mut self.armed) {
            // One that does not run forgets what it was armed for, but for its next life.
            if armed.pod.published(ADMIN_PORT).is_none() {
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

/// The first of the pods to say that it holds, and whom.
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

fn path(point: Failpoint, rest: &str) -> String {
    format!("failpoints/{}{rest}", point.name())
}

fn read(what: &str, body: Value) -> Result<Stay, AdminError> {
    let told = body.to_string();
    serde_json::from_value(body).map_err(|bad| AdminError {
        what: what.to_owned(),
        got: format!("{bad} in {told}"),
    })
}

fn not_armed(pod: &PartHandle, point: Failpoint) -> impl FnOnce(AdminError) -> NemesisError + use<> {
    let target = name(pod);
    move |error| NemesisError::Refused {
        fault: point.fault().into(),
        target,
        source: Refusal::Admin(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Failpoint; 8] = [
        Failpoint::AfterInsertBefore202,
        Failpoint::AfterClaimBeforeCall,
        Failpoint::AfterPublishBeforePersist,
        Failpoint::AfterCommitBeforeAnnounce,
        Failpoint::InsideTakeover,
        Failpoint::InsideDrain,
        Failpoint::InsideSpoolDrain,
        Failpoint::InsideSpoolRecovery,
    ];

    /// Both ends of one contract, which meet on the wire alone.
    #[test]
    fn the_reference_pod_knows_every_failpoint_by_its_name() {
        let pod = crate::cluster::workspace_root().join("fixtures/pod/src/failpoints.rs");
        let pod = std::fs::read_to_string(pod).expect("the pod's failpoints");
        for point in ALL {
            assert!(pod.contains(&format!("=> \"{}\",", point.name())), "{}", point.name());
            assert_eq!(point.fault(), format!("hold at {}", point.name()));
        }
        assert_eq!(pod.matches("=> \"").count(), ALL.len());
    }

    #[test]
    fn a_stay_is_read_with_what_the_pod_knows_and_nonsense_is_told() {
        let stay = read(
            "held",
            json!({ "since": "2026", "thread": "th", "turn": null, "epoch": 3 }),
        )
        .expect("a stay");
        assert_eq!(
            (stay.thread, stay.turn, stay.epoch),
            (Some("th".into()), None, Some(Epoch(3)))
        );
        let told = read("held", json!({ "epoch": "three" }))
            .expect_err("no stay")
            .to_string();
        assert!(
            told.starts_with("admin port: held: ") && told.contains(r#"{"epoch":"three"}"#),
            "{told}"
        );
    }
}
