//! The cast: all that a story can say, in a story's words.
//!
//! Stories drive; promises judge. Nothing here asserts: a wait that runs out ends the play with what was awaited, and the
//! judge makes of the history what it is. Here is what clients do; what is waited for (`waits`), what is asked of the
//! provider and of the nemesis (their sides), and what is asked of pods to know how they are (`probes`) are beside it.

pub(in crate::run) mod faults;
pub(in crate::run) mod feedback;
pub(in crate::run) mod posts;
pub(in crate::run) mod probes;
pub(in crate::run) mod provider;
pub(in crate::run) mod waits;
pub(in crate::run) mod watchers;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::slot::Slot;
use super::story::Stopped;
use crate::history::writer::Recorder;
use crate::history::{
    Accepted, Credential, FeedbackId, MessageId, OpId, Outcome, PodName, SessionNo, TenantId, ThreadId, TurnId,
    TurnKey, WatcherId, What,
};
use crate::nemesis::{Aim, Nemesis};
use crate::plan::{Answer, Manner, Plan, Pod};
use crate::workload::{Attach, Session, Tail};
use faults::NemesisSide;
use provider::ProviderSide;
use watchers::parking::Trigger;
use watchers::{Tails, Watcher};

/// How often a condition in the database is looked at while a story waits for it.
pub(in crate::run) const LOOK: Duration = Duration::from_millis(5);
/// Longest that a story waits for a turn to begin.
pub(in crate::run) const BEGIN: Duration = Duration::from_secs(8);

/// The sessions of a play, by their numbers in the history.
const FIRST_SESSION: SessionNo = SessionNo(NonZeroU8::MIN);
pub(in crate::run) const WITNESS_SESSION: SessionNo = SessionNo(NonZeroU8::MIN.saturating_add(1));
const INTRUDER_SESSION: SessionNo = SessionNo(NonZeroU8::MIN.saturating_add(2));

/// The actors and props of one play.
pub struct Cast {
    pub(in crate::run) slot: Arc<Slot>,
    pub(in crate::run) plan: Plan,
    pub(in crate::run) recorder: Recorder,
    pub(in crate::run) nemesis: Nemesis,
    pub(in crate::run) session: Session,
    /// A second session of the same tenant, which no story revokes: the final state is read with it.
    pub(in crate::run) witness: Session,
    /// Another tenant, in good standing, who is owed nothing.
    pub(in crate::run) intruder: Session,
    pub(in crate::run) revoked: bool,
    pub(in crate::run) thread: ThreadId,
    /// Threads that the story has made besides, and whose they are.
    pub(in crate::run) others: Vec<(ThreadId, Whose)>,
    pub(in crate::run) turns: Vec<Turn>,
    /// Feedback that was given, and whether it was acknowledged.
    pub(in crate::run) feedback: Vec<(FeedbackId, bool)>,
    pub(in crate::run) tails: Vec<Arc<Tail>>,
    pub(in crate::run) trigger: Trigger,
    /// Makes keys and message ids of this play unlike those of any other on the same cluster.
    pub(in crate::run) nonce: String,
    pub(in crate::run) messages: u32,
    pub(in crate::run) ops: u32,
    pub(in crate::run) watchers: u32,
    /// How often each pod had stepped down before the play; nothing of one that was started since.
    pub(in crate::run) superseded_before: BTreeMap<PodName, u64>,
    /// When each terminated pod was told to stop.
    pub(in crate::run) told_to_stop: Vec<(PodName, Instant)>,
}

/// Whose a thread is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The play's own tenant's.
    Own,
    /// Another tenant's.
    Neighbours,
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

    /// Makes another thread beside the play's own.
    pub async fn another_thread(&mut self, role: Pod, whose: Whose) -> Result<ThreadId, Stopped> {
        let pod = self.pod(role);
        self.another_thread_on(&pod, whose).await
    }

    pub(in crate::run) async fn another_thread_on(&mut self, pod: &PodName, whose: Whose) -> Result<ThreadId, Stopped> {
        let session = self.session_of(whose).clone();
        let made = self.slot.api.new_thread(pod, self.slot.address(pod)?, &session).await;
        let thread = made.map_err(|e| Stopped::GaveUp(e.to_string()))?;
        self.recorder.record(What::ThreadMade {
            thread: thread.clone(),
            tenant: session.tenant,
        });
        self.others.push((thread.clone(), whose));
        Ok(thread)
    }

    /// Posts a message to the play's thread through a pod; the play ends if it is not accepted.
    pub async fn post(&mut self, role: Pod, answer: Answer) -> Result<Turn, Stopped> {
        let thread = self.thread.clone();
        self.post_to(&thread, role, answer).await
    }

    /// Posts a message to a thread through a pod; the play ends if it is not accepted.
    pub async fn post_to(&mut self, thread: &ThreadId, role: Pod, answer: Answer) -> Result<Turn, Stopped> {
        let pod = self.pod(role);
        accepted(&pod, self.try_post_to(thread, &pod, &answer).await?)
    }

    /// Posts a message to the play's thread through a pod that plays no role but the one that it has got into; the play ends
    /// if it is not accepted.
    pub async fn post_through(&mut self, pod: &PodName, answer: Answer) -> Result<Turn, Stopped> {
        accepted(pod, self.try_post(pod, &answer).await?)
    }

    /// Posts a message to the play's thread through a pod, whatever comes of it.
    pub async fn try_post(&mut self, pod: &PodName, answer: &Answer) -> Result<Outcome<Turn>, Stopped> {
        let thread = self.thread.clone();
        self.try_post_to(&thread, pod, answer).await
    }

    pub(in crate::run) async fn try_post_to(
        &mut self,
        thread: &ThreadId,
        pod: &PodName,
        answer: &Answer,
    ) -> Result<Outcome<Turn>, Stopped> {
        let outcomes = self.send(thread, std::slice::from_ref(pod), answer).await?;
        let Some(outcome) = outcomes.into_iter().next() else {
            unreachable!("one pod gives one outcome")
        };
        Ok(outcome)
    }

    /// Posts one and the same message to the play's thread through every pod at once, as a client does that got no answer
    /// and tries again. The play ends if none accepts it.
    pub async fn post_on_every_pod(&mut self, answer: Answer) -> Result<Turn, Stopped> {
        let (thread, pods) = (self.thread.clone(), self.pods());
        let outcomes = self.send(&thread, &pods, &answer).await?;
        let first = outcomes.iter().find(|o| o.ok().is_some()).or(outcomes.first()).cloned();
        let Some(first) = first else {
            unreachable!("a cluster has pods")
        };
        accepted(&pods[0], first)
    }

    /// Sends one message through each of the pods, all at once. The turn that the first yes names is the message's.
    async fn send(
        &mut self,
        thread: &ThreadId,
        pods: &[PodName],
        answer: &Answer,
    ) -> Result<Vec<Outcome<Turn>>, Stopped> {
        self.messages += 1;
        let key = TurnKey::from(format!("{}t{}", self.nonce, self.messages));
        let message = MessageId::from(format!("m-{key}"));
        let text = answer.prompt(&key);
        let mut asked = Vec::new();
        for pod in pods {
            self.ops += 1;
            let op = OpId(self.ops);
            asked.push((op, self.slot.address(pod)?));
            let (pod, thread, message) = (pod.clone(), thread.clone(), message.clone());
            let (text, expect) = (text.clone(), answer.expect(&key));
            self.recorder.record(What::Posted {
                op,
                pod,
                thread,
                message,
                text,
                expect: Box::new(expect),
            });
        }
        let (api, recorder, session) = (&self.slot.api, &self.recorder, self.session_of(self.whose(thread)));
        let (message_ref, text) = (&message, &text);
        let posts = asked.into_iter().map(|(op, at)| async move {
            let outcome = api.post(at, session, thread, message_ref, text).await;
            recorder.record(What::PostEnded {
                op,
                outcome: outcome.clone(),
            });
            outcome
        });
        let told = join_all(posts).await;
        if told.iter().any(|outcome| outcome.ok().is_some()) {
            self.trigger.pull(Instant::now());
        }
        let made = |accepted: Accepted| Turn {
            id: accepted.turn,
            thread: thread.clone(),
            message: message.clone(),
            key: key.clone(),
            accepted_by: accepted.pod,
        };
        let outcomes: Vec<Outcome<Turn>> = told
            .into_iter()
            .map(|outcome| match outcome {
                Outcome::Ok(accepted) => Outcome::Ok(made(accepted)),
                Outcome::Failed { status, reason } => Outcome::Failed { status, reason },
                Outcome::Unknown { reason } => Outcome::Unknown { reason },
            })
            .collect();
        self.turns.extend(outcomes.iter().find_map(Outcome::ok).cloned());
        Ok(outcomes)
    }

    /// Cancels a thread's turn in flight through a pod; the play ends if that is not taken.
    pub async fn cancel(&mut self, pod: &PodName, turn: &Turn) -> Result<(), Stopped> {
        let at = self.slot.address(pod)?;
        let outcome = self
            .slot
            .api
            .cancel(at, self.session_of(self.whose(&turn.thread)), &turn.thread)
            .await;
        let (pod, thread) = (pod.clone(), turn.thread.clone());
        self.recorder.record(What::Cancelled {
            pod: pod.clone(),
            thread,
            outcome: outcome.clone(),
        });
        match outcome {
            Outcome::Ok(()) => Ok(()),
            refused => Err(Stopped::GaveUp(format!(
                "the cancel on {pod} was not taken: {refused:?}"
            ))),
        }
    }

    /// Waits until a pod that was told to stop says that it drains, then posts to it: whether it refuses with 503.
    pub async fn refuses_posts(&mut self, pod: &PodName) -> Result<bool, Stopped> {
        self.drains(pod).await?;
        let outcome = self.try_post(pod, &Answer::tokens(1)).await?;
        Ok(matches!(outcome, Outcome::Failed { status: 503, .. }))
    }

    /// Attaches to a turn's thread on one pod, and waits until the pod has answered.
    pub async fn attach(&mut self, pod: &PodName, turn: &Turn, role: &str) -> Result<Watcher, Stopped> {
        let watcher = self.open(pod, turn, role, None, None)?;
        watcher.opens().await?;
        Ok(watcher)
    }

    /// Attaches to a turn's thread on every pod, and waits until all have answered.
    pub async fn attach_on_every_pod(&mut self, turn: &Turn) -> Result<Tails, Stopped> {
        let mut watchers = Vec::new();
        for pod in self.pods() {
            watchers.push(self.open(&pod, turn, "every-pod", None, None)?);
        }
        for watcher in &watchers {
            watcher.opens().await?;
        }
        Ok(Tails::new(watchers))
    }

    /// Attaches again, on another pod, from where a watcher got to.
    pub async fn reconnect(&mut self, from: &Watcher, pod: &PodName, turn: &Turn) -> Result<Watcher, Stopped> {
        let cursor = from.seen().last_id;
        let watcher = self.open(pod, turn, "reconnect", cursor, None)?;
        watcher.opens().await?;
        Ok(watcher)
    }

    /// Attaches to a turn's thread on one pod through the fault proxy, from a cursor, as a client that comes back.
    pub async fn come_back_through_link(
        &mut self,
        cursor: Option<String>,
        pod: &PodName,
        turn: &Turn,
    ) -> Result<Watcher, Stopped> {
        let at = self.slot.address_through_link(pod)?;
        let watcher = self.open_at(at, pod, turn, ("reconnect", cursor, None));
        watcher.opens().await?;
        Ok(watcher)
    }

    /// Lets a watcher go away, as a client does that has lost its patience; where it got to.
    pub async fn leave(&mut self, watcher: Watcher) -> Result<Option<String>, Stopped> {
        let cursor = watcher.seen().last_id;
        self.tails.retain(|tail| !Arc::ptr_eq(tail, &watcher.tail));
        let tail = Arc::try_unwrap(watcher.tail);
        let tail = tail.map_err(|tail| Stopped::Harness(format!("watcher {} is held by others", tail.watcher)))?;
        tail.leave().await;
        Ok(cursor)
    }

    /// Attaches to a turn's thread on every pod through a proxy that cuts a stream which is silent for longer than the
    /// system's proxies allow, and waits until all have answered.
    pub async fn attach_through_proxies(&mut self, turn: &Turn) -> Result<Tails, Stopped> {
        let patience = Duration::from_millis(self.slot.api.system().proxies.patience_ms);
        let mut watchers = Vec::new();
        for pod in self.pods() {
            watchers.push(self.open(&pod, turn, "through-proxy", None, Some(patience))?);
        }
        for watcher in &watchers {
            watcher.opens().await?;
        }
        Ok(Tails::new(watchers))
    }

    /// Attaches to a turn's thread on one pod through the fault proxy, and waits until the pod has answered.
    pub async fn attach_through_link(&mut self, pod: &PodName, turn: &Turn, role: &str) -> Result<Watcher, Stopped> {
        let at = self.slot.address_through_link(pod)?;
        let watcher = self.open_at(at, pod, turn, (role, None, None));
        watcher.opens().await?;
        Ok(watcher)
    }

    fn open(
        &mut self,
        pod: &PodName,
        turn: &Turn,
        role: &str,
        cursor: Option<String>,
        patience: Option<Duration>,
    ) -> Result<Watcher, Stopped> {
        let at = self.slot.address(pod)?;
        Ok(self.open_at(at, pod, turn, (role, cursor, patience)))
    }

    fn open_at(
        &mut self,
        at: SocketAddr,
        pod: &PodName,
        turn: &Turn,
        (role, cursor, patience): (&str, Option<String>, Option<Duration>),
    ) -> Watcher {
        self.watchers += 1;
        let attach = Attach {
            watcher: WatcherId(self.watchers),
            pod: pod.clone(),
            at,
            session: self.session_of(self.whose(&turn.thread)).clone(),
            session_no: self.session_no_of(self.whose(&turn.thread)),
            thread: turn.thread.clone(),
            cursor,
            role: role.to_owned(),
            patience,
            manner: Manner::Eager,
        };
        let tail = Arc::new(Tail::open(
            &self.slot.api,
            attach,
            self.slot.owners.clone(),
            self.recorder.clone(),
        ));
        self.tails.push(tail.clone());
        Watcher::new(tail, turn.id.clone(), self.trigger.clone())
    }

    /// Revokes the play's session through a pod. What the play does after this it does with another one of its tenant's.
    pub async fn revoke_session(&mut self, role: Pod) -> Result<(), Stopped> {
        let pod = self.pod(role);
        let at = self.slot.address(&pod)?;
        match self.slot.api.revoke(at, &self.session).await {
            Outcome::Ok(()) => {
                let tenant: TenantId = self.session.tenant.clone();
                let session = Some(FIRST_SESSION);
                self.recorder.record(What::Revoked { tenant, pod, session });
                self.revoked = true;
                Ok(())
            }
            refused => Err(Stopped::GaveUp(format!(
                "the session's revocation on {pod} was not taken: {refused:?}"
            ))),
        }
    }

    /// Tries one route of the play's thread on a pod with a credential that is to be judged; the answer's status.
    pub async fn try_access(
        &mut self,
        pod: &PodName,
        credential: Credential,
        route: &str,
    ) -> Result<Option<u16>, Stopped> {
        let at = self.slot.address(pod)?;
        let session = if credential == Credential::Foreign {
            &self.intruder
        } else {
            &self.session
        };
        let (status, body) = self.slot.api.try_access(at, session, route, &self.thread).await;
        let (pod, thread, route) = (pod.clone(), self.thread.clone(), route.to_owned());
        self.recorder.record(What::Access {
            pod,
            credential,
            thread,
            route,
            status,
            body,
        });
        Ok(status)
    }

    // --- whose is what

    pub(in crate::run) fn whose(&self, thread: &ThreadId) -> Whose {
        self.others
            .iter()
            .find(|(id, _)| id == thread)
            .map_or(Whose::Own, |(_, whose)| *whose)
    }

    /// The session that a thread's own tenant uses.
    pub(in crate::run) fn session_of(&self, whose: Whose) -> &Session {
        match whose {
            Whose::Own if self.revoked => &self.witness,
            Whose::Own => &self.session,
            Whose::Neighbours => &self.intruder,
        }
    }

    fn session_no_of(&self, whose: Whose) -> SessionNo {
        match whose {
            Whose::Own if self.revoked => WITNESS_SESSION,
            Whose::Own => FIRST_SESSION,
            Whose::Neighbours => INTRUDER_SESSION,
        }
    }

    /// A session that is good, and not for a thread of theirs.
    pub(in crate::run) fn strangers_session(&self, whose: Whose) -> &Session {
        match whose {
            Whose::Own => &self.intruder,
            Whose::Neighbours => &self.witness,
        }
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
        self.recorder.record(What::Evidence {
            mark: mark.to_owned(),
            reached,
        });
    }
}

/// The turn of a post that was accepted; the play ends if it was not.
pub(in crate::run) fn accepted(pod: &PodName, outcome: Outcome<Turn>) -> Result<Turn, Stopped> {
    match outcome {
        Outcome::Ok(turn) => Ok(turn),
        refused => Err(Stopped::GaveUp(format!(
            "the post on {pod} was not accepted: {refused:?}"
        ))),
    }
}
