//! The cast: all that a story can say, in a story's words.
//!
//! Stories drive; promises judge. Nothing here asserts: a wait that runs out ends the play with what was awaited, and the
//! judge makes of the history what it is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::slot::Slot;
use super::story::Stopped;
use super::tails::parking::Trigger;
use super::tails::{Tails, Watcher};
use crate::history::writer::Recorder;
use crate::history::{
    Credential, Epoch, MessageId, OpId, Outcome, PodName, Row, Status, TenantId, ThreadId, TurnId, TurnKey, WatcherId, What,
};
use crate::nemesis::{Aim, Nemesis};
use crate::plan::{Answer, Plan, Pod};
use crate::wait::{self, Look};
use crate::workload::{Attach, Session, Tail};

/// How often a condition in the database is looked at while a story waits for it.
const LOOK: Duration = Duration::from_millis(5);
/// Longest that a story waits for a turn to begin.
const BEGIN: Duration = Duration::from_secs(8);

/// The actors and props of one play.
pub struct Cast {
    pub(super) slot: Arc<Slot>,
    pub(super) plan: Plan,
    pub(super) recorder: Recorder,
    pub(super) nemesis: Nemesis,
    pub(super) session: Session,
    /// A second session of the same tenant, which no story revokes: the final state is read with it.
    pub(super) witness: Session,
    /// Another tenant, in good standing, who is owed nothing.
    pub(super) intruder: Session,
    pub(super) thread: ThreadId,
    pub(super) turns: Vec<Turn>,
    pub(super) tails: Vec<Arc<Tail>>,
    pub(super) trigger: Trigger,
    /// Makes keys and message ids of this play unlike those of any other on the same cluster.
    pub(super) nonce: String,
    pub(super) ops: u32,
    pub(super) watchers: u32,
    /// How often each paused pod had stepped down before.
    pub(super) superseded_before: BTreeMap<PodName, u64>,
    /// When each terminated pod was told to stop.
    pub(super) told_to_stop: Vec<(PodName, Instant)>,
}

/// A turn that was accepted.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Its id.
    pub id: TurnId,
    /// Its thread.
    pub thread: ThreadId,
    /// The message it answers.
    pub message: MessageId,
    /// Key that the provider counts its calls by.
    pub key: TurnKey,
    /// Pod that accepted it, by its own word.
    pub accepted_by: PodName,
}

impl Cast {
    // --- who is who

    /// The pod that plays a role.
    pub fn pod(&self, role: Pod) -> PodName {
        self.plan.pod(role).clone()
    }

    /// All pods, in the order of their roles.
    pub fn pods(&self) -> Vec<PodName> {
        self.plan.pods.clone()
    }

    /// The pods that are not `owner`, in the order of their roles.
    pub fn survivors_of(&self, owner: &Aim) -> Vec<PodName> {
        self.plan.pods.iter().filter(|p| **p != owner.owner).cloned().collect()
    }

    /// The first pod that is not `owner`.
    pub fn survivor_of(&self, owner: &Aim) -> PodName {
        self.survivors_of(owner).swap_remove(0)
    }

    /// The thread that the play's turns go to.
    pub fn thread(&self) -> &ThreadId {
        &self.thread
    }

    // --- what clients do

    /// Posts a message to the play's thread through a pod; the play ends if it is not accepted.
    pub async fn post(&mut self, role: Pod, answer: Answer) -> Result<Turn, Stopped> {
        let pod = self.pod(role);
        match self.try_post(&pod, &answer).await? {
            Outcome::Ok(turn) => Ok(turn),
            refused => Err(Stopped::GaveUp(format!("the post on {pod} was not accepted: {refused:?}"))),
        }
    }

    /// Posts a message to the play's thread through a pod, whatever comes of it.
    pub async fn try_post(&mut self, pod: &PodName, answer: &Answer) -> Result<Outcome<Turn>, Stopped> {
        let number = self.turns.len() + 1;
        let key = TurnKey::from(format!("{}t{number}", self.nonce));
        let message = MessageId::from(format!("m-{key}"));
        let text = answer.prompt(&key);
        self.ops += 1;
        let (op, thread) = (OpId(self.ops), self.thread.clone());
        self.recorder.record(What::Posted {
            op,
            pod: pod.clone(),
            thread: thread.clone(),
            message: message.clone(),
            text: text.clone(),
            expect: answer.expect(&key),
        });
        let at = self.slot.address(pod)?;
        let outcome = self.slot.api.post(at, &self.session, &thread, &message, &text).await;
        self.recorder.record(What::PostEnded { op, outcome: outcome.clone() });
        Ok(match outcome {
            Outcome::Ok(accepted) => {
                let turn = Turn { id: accepted.turn, thread, message, key, accepted_by: accepted.pod };
                self.turns.push(turn.clone());
                self.trigger.pull(Instant::now());
                Outcome::Ok(turn)
            }
            Outcome::Failed { status, reason } => Outcome::Failed { status, reason },
            Outcome::Unknown { reason } => Outcome::Unknown { reason },
        })
    }

    /// Attaches to a turn's thread on one pod, and waits until the pod has answered.
    pub async fn attach(&mut self, pod: &PodName, turn: &Turn, role: &str) -> Result<Watcher, Stopped> {
        let watcher = self.attach_from(pod, turn, role, None).await?;
        watcher.opens().await?;
        Ok(watcher)
    }

    /// Attaches to a turn's thread on every pod, and waits until all have answered.
    pub async fn attach_on_every_pod(&mut self, turn: &Turn) -> Result<Tails, Stopped> {
        let mut watchers = Vec::new();
        for pod in self.pods() {
            watchers.push(self.attach_from(&pod, turn, "every-pod", None).await?);
        }
        for watcher in &watchers {
            watcher.opens().await?;
        }
        Ok(Tails::new(watchers))
    }

    /// Attaches again, on another pod, from where a watcher got to.
    pub async fn reconnect(&mut self, from: &Watcher, pod: &PodName, turn: &Turn) -> Result<Watcher, Stopped> {
        let cursor = from.seen().last_id;
        let watcher = self.attach_from(pod, turn, "reconnect", cursor).await?;
        watcher.opens().await?;
        Ok(watcher)
    }

    async fn attach_from(&mut self, pod: &PodName, turn: &Turn, role: &str, cursor: Option<String>) -> Result<Watcher, Stopped> {
        self.watchers += 1;
        let attach = Attach {
            watcher: WatcherId(self.watchers),
            pod: pod.clone(),
            at: self.slot.address(pod)?,
            session: self.session.clone(),
            thread: turn.thread.clone(),
            cursor,
            role: role.to_owned(),
        };
        let tail = Arc::new(Tail::open(&self.slot.api, attach, self.slot.owners.clone(), self.recorder.clone()));
        self.tails.push(tail.clone());
        Ok(Watcher::new(tail, turn.id.clone(), self.trigger.clone()))
    }

    /// Revokes the play's session through a pod. Whatever the play does after this needs no session.
    pub async fn revoke_session(&mut self, role: Pod) -> Result<(), Stopped> {
        let pod = self.pod(role);
        let at = self.slot.address(&pod)?;
        match self.slot.api.revoke(at, &self.session).await {
            Outcome::Ok(()) => {
                let tenant: TenantId = self.session.tenant.clone();
                self.recorder.record(What::Revoked { tenant, pod });
                Ok(())
            }
            refused => Err(Stopped::GaveUp(format!("the session's revocation on {pod} was not taken: {refused:?}"))),
        }
    }

    /// Tries one route of a thread on a pod with a credential that is to be judged; the answer's status.
    pub async fn try_access(&mut self, pod: &PodName, credential: Credential, route: &str) -> Result<Option<u16>, Stopped> {
        let at = self.slot.address(pod)?;
        let session = if credential == Credential::Foreign { &self.intruder } else { &self.session };
        let (status, body) = self.slot.api.try_access(at, session, route, &self.thread).await;
        let (pod, thread, route) = (pod.clone(), self.thread.clone(), route.to_owned());
        self.recorder.record(What::Access { pod, credential, thread, route, status, body });
        Ok(status)
    }

    // --- what a story waits for

    /// Waits until the turn runs, and reads who owns it.
    pub async fn owner_of(&self, turn: &Turn) -> Result<Aim, Stopped> {
        self.owner_where(turn, "an owner", BEGIN, |_| true).await
    }

    /// Waits until another pod has claimed the turn at a higher epoch.
    pub async fn taken_over(&self, turn: &Turn, from: &Aim, bound: Duration) -> Result<Aim, Stopped> {
        self.owner_where(turn, &format!("an owner after {} at epoch {}", from.owner, from.epoch), bound, |epoch| epoch > from.epoch).await
    }

    async fn owner_where(&self, turn: &Turn, what: &str, bound: Duration, fits: impl Fn(Epoch) -> bool) -> Result<Aim, Stopped> {
        let (owners, thread) = (&self.slot.owners, &turn.thread);
        let fits = &fits;
        let what = format!("{what} of thread {thread}");
        let aim = wait::until(&what, bound, LOOK, || async move {
            match owners.of(thread).await {
                Ok(Some(now)) => match now.owner {
                    Some(owner) if now.status == Status::InProgress && fits(now.epoch) => {
                        Look::Done((Aim { thread: thread.clone(), owner, epoch: now.epoch }, now.status))
                    }
                    owner => Look::NotYet(format!("owner {owner:?}, epoch {}, {:?}", now.epoch, now.status)),
                },
                Ok(None) => Look::NotYet("no such row".to_owned()),
                Err(e) => Look::NotYet(e.to_string()),
            }
        });
        let (aim, status) = aim.await?;
        let (thread, owner, epoch) = (aim.thread.clone(), Some(aim.owner.clone()), aim.epoch);
        self.recorder.record(What::OwnerRead { thread, owner, epoch, status });
        Ok(aim)
    }

    /// Waits until the turn is over in the database and every watcher that can still see that has seen it.
    pub async fn settled(&self, turn: &Turn) -> Result<Status, Stopped> {
        self.settled_within(turn, Duration::from_secs(12)).await
    }

    /// As [`Cast::settled`], for a turn that takes longer by order.
    pub async fn settled_within(&self, turn: &Turn, bound: Duration) -> Result<Status, Stopped> {
        let (owners, id) = (&self.slot.owners, &turn.id);
        let what = format!("the end of turn {id} in the database");
        let status = wait::until(&what, bound, LOOK, || async move {
            match owners.turn(id).await {
                Ok(Some(status)) if status.is_terminal() => Look::Done(status),
                Ok(status) => Look::NotYet(format!("{status:?}")),
                Err(e) => Look::NotYet(e.to_string()),
            }
        });
        let status = status.await?;
        self.all_told(turn).await;
        Ok(status)
    }

    /// Gives every open watcher of the turn's thread the time that the target claims for showing an end. One that does not
    /// see it is the judge's business.
    async fn all_told(&self, turn: &Turn) {
        // The judge counts from when the row's change was read, which is a little after it was committed.
        let bound = Duration::from_millis(self.slot.api.target().bounds.terminal_ms) + Duration::from_millis(300);
        let end = tokio::time::Instant::now() + bound;
        for tail in self.tails.iter().filter(|t| t.thread == turn.thread) {
            let left = end.saturating_duration_since(tokio::time::Instant::now());
            if let Err(e) = tail.until("the end of the turn", left, |s| s.told_of_the_end(&turn.id)).await {
                tracing::debug!(error = %e, "a watcher has not seen the end");
            }
        }
    }

    /// Whether the turn is over in the database.
    pub async fn is_over(&self, turn: &Turn) -> Result<bool, Stopped> {
        let status = self.slot.owners.turn(&turn.id).await.map_err(|e| Stopped::GaveUp(e.to_string()))?;
        Ok(status.is_some_and(Status::is_terminal))
    }

    /// Waits until a pod that was told to stop says that it drains, then posts to it: whether it refuses with 503.
    pub async fn refuses_posts(&mut self, pod: &PodName) -> Result<bool, Stopped> {
        let at = self.slot.address(pod)?;
        let api = &self.slot.api;
        wait::until(&format!("{pod} to say that it drains"), Duration::from_secs(3), LOOK, || async move {
            match api.health(at).await {
                Outcome::Failed { status: 503, .. } => Look::Done(()),
                other => Look::NotYet(format!("{other:?}")),
            }
        })
        .await?;
        let outcome = self.try_post(pod, &Answer::tokens(1)).await?;
        Ok(matches!(outcome, Outcome::Failed { status: 503, .. }))
    }

    /// Waits until an owner that was taken over has shown what it does about that: it says that it stepped down, or a
    /// watcher is shown something of its epoch after its successor's. What it should have done is for the judge.
    pub async fn acts_on_its_loss(&self, owner: &Aim, since: u64) -> Result<(), Stopped> {
        let at = self.slot.address(&owner.owner)?;
        let (api, recorder, epoch) = (&self.slot.api, &self.recorder, owner.epoch);
        let before = self.superseded_before.get(&owner.owner).copied().unwrap_or(0);
        let what = format!("{} to step down or to write at epoch {epoch}", owner.owner);
        wait::until(&what, Duration::from_secs(3), LOOK, || async move {
            let wrote = recorder.find(since, |e| match &e.what {
                What::Frame { cursor: Some(c), .. } if c.epoch <= epoch => Some(()),
                What::Row { row: Row::Part { epoch: e, .. }, .. } if *e <= epoch => Some(()),
                _ => None,
            });
            match (wrote, api.superseded(at).await) {
                (Some(()), _) => Look::Done(()),
                (None, Ok(count)) if count > before => Look::Done(()),
                (None, Ok(_)) => Look::NotYet("it has done neither".to_owned()),
                (None, Err(e)) => Look::NotYet(e),
            }
        })
        .await?;
        Ok(())
    }

    /// Position in the history that the next event will get.
    pub fn now(&self) -> u64 {
        *self.recorder.subscribe().borrow()
    }

    /// Lets the target's bound for refusing a revoked credential everywhere pass: time itself is what is waited for.
    pub async fn revocation_bound_passes(&self) {
        tokio::time::sleep(Duration::from_millis(self.slot.api.target().bounds.revocation_ms)).await;
    }

    // --- what the provider does

    /// The provider's side of a turn.
    pub fn provider(&self) -> ProviderSide<'_> {
        ProviderSide { cast: self }
    }

    // --- what breaks

    /// The nemesis.
    pub fn nemesis(&mut self) -> NemesisSide<'_> {
        NemesisSide { cast: self }
    }

    // --- what proves that the play was played

    /// States whether a mark was reached without which a pass would mean nothing.
    pub fn evidence(&self, mark: &str, reached: bool) {
        self.recorder.record(What::Evidence { mark: mark.to_owned(), reached });
    }
}

/// What a story asks of the provider.
pub struct ProviderSide<'a> {
    cast: &'a Cast,
}

impl ProviderSide<'_> {
    /// Waits until the provider was called for the turn a second time: somebody took it over.
    pub async fn second_call(&self, turn: &Turn) -> Result<(), Stopped> {
        self.nth_call(turn, 2).await
    }

    /// Waits until the provider was called for the turn `n` times.
    pub async fn nth_call(&self, turn: &Turn, n: u32) -> Result<(), Stopped> {
        Ok(self.cast.slot.provider.called(&turn.key, n, BEGIN).await?)
    }

    /// How often the provider was called for the turn so far.
    pub async fn calls(&self, turn: &Turn) -> Result<usize, Stopped> {
        Ok(self.cast.slot.provider.calls(&turn.key).await?.len())
    }

    /// Waits until the `n`-th call for the turn is held at the turn's gate.
    pub async fn held(&self, turn: &Turn, n: u32) -> Result<(), Stopped> {
        Ok(self.cast.slot.provider.held(&Answer::gate(&turn.key), &turn.key, n, BEGIN).await?)
    }

    /// Opens the turn's gate for every call, now and later.
    pub async fn open_gate(&self, turn: &Turn) -> Result<(), Stopped> {
        Ok(self.cast.slot.provider.open_gate(&Answer::gate(&turn.key)).await?)
    }

    /// Opens the turn's gate for its `n`-th call alone.
    pub async fn open_gate_of_call(&self, turn: &Turn, n: u32) -> Result<(), Stopped> {
        Ok(self.cast.slot.provider.open_gate_of_call(&Answer::gate(&turn.key), &turn.key, n).await?)
    }

    /// Waits until the provider has sent at least `tokens` tokens of the turn's `n`-th call.
    pub async fn sent(&self, turn: &Turn, n: u32, tokens: u32) -> Result<(), Stopped> {
        let (provider, key) = (&self.cast.slot.provider, &turn.key);
        let what = format!("{tokens} tokens of provider call {n} for {key} to be sent");
        wait::until(&what, BEGIN, LOOK, || async move {
            match provider.calls(key).await {
                Ok(calls) => match calls.iter().find(|c| c.id.ordinal == n) {
                    Some(call) if call.tokens >= tokens => Look::Done(()),
                    call => Look::NotYet(format!("{:?} tokens", call.map(|c| c.tokens))),
                },
                Err(e) => Look::NotYet(e.to_string()),
            }
        })
        .await?;
        Ok(())
    }

    /// Opens the turn's gate up to and with token `k`, then holds again.
    pub async fn open_gate_through(&self, turn: &Turn, k: u32) -> Result<(), Stopped> {
        Ok(self.cast.slot.provider.open_gate_through(&Answer::gate(&turn.key), k).await?)
    }
}

/// What a story has broken.
pub struct NemesisSide<'a> {
    cast: &'a mut Cast,
}

impl NemesisSide<'_> {
    /// Kills an owner; it is dead when this returns.
    pub async fn kill(self, owner: &Aim) -> Result<(), Stopped> {
        self.kill_pod(&owner.owner, Some(owner)).await
    }

    /// Kills a pod, whatever it owns.
    pub async fn kill_pod(self, pod: &PodName, aim: Option<&Aim>) -> Result<(), Stopped> {
        let handle = self.cast.slot.pod(pod)?;
        let trigger = self.cast.trigger.take();
        self.cast.nemesis.kill(&handle, aim, trigger).await?;
        Ok(())
    }

    /// Tells an owner to stop; returns at once.
    pub async fn terminate(self, owner: &Aim) -> Result<(), Stopped> {
        self.terminate_pod(&owner.owner, Some(owner)).await
    }

    /// Tells a pod to stop, whatever it owns; returns at once.
    pub async fn terminate_pod(self, pod: &PodName, aim: Option<&Aim>) -> Result<(), Stopped> {
        let handle = self.cast.slot.pod(pod)?;
        self.cast.nemesis.terminate(&handle, aim).await?;
        self.cast.told_to_stop.push((pod.clone(), Instant::now()));
        Ok(())
    }

    /// Waits until a terminated pod is gone; its exit code.
    pub async fn gone(self, pod: &PodName) -> Result<i64, Stopped> {
        let handle = self.cast.slot.pod(pod)?;
        let since = self.cast.told_to_stop.iter().find(|(p, _)| p == pod).map_or_else(Instant::now, |(_, at)| *at);
        let bound = Duration::from_millis(self.cast.slot.api.target().bounds.drain_ms) + Duration::from_secs(5);
        Ok(self.cast.nemesis.gone(&handle, bound, since).await?)
    }

    /// Freezes an owner.
    pub async fn pause(self, owner: &Aim) -> Result<(), Stopped> {
        let handle = self.cast.slot.pod(&owner.owner)?;
        let at = self.cast.slot.address(&owner.owner)?;
        let before = self.cast.slot.api.superseded(at).await.map_err(Stopped::GaveUp)?;
        self.cast.superseded_before.insert(owner.owner.clone(), before);
        let trigger = self.cast.trigger.take();
        self.cast.nemesis.pause(&handle, Some(owner), trigger).await?;
        Ok(())
    }

    /// Lets a frozen owner go on.
    pub async fn resume(self, owner: &Aim) -> Result<(), Stopped> {
        let handle = self.cast.slot.pod(&owner.owner)?;
        Ok(self.cast.nemesis.resume(&handle).await?)
    }

    /// Starts a pod that is gone, and waits until it is ready.
    pub async fn start(self, pod: &PodName) -> Result<(), Stopped> {
        let handle = self.cast.slot.pod(pod)?;
        handle.start().await.map_err(|e| Stopped::Harness(format!("{pod} could not be started again: {e}")))?;
        self.cast.nemesis.healed(pod);
        Ok(())
    }
}
