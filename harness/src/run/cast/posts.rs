//! Posts: messages that clients send, also those that a story does not wait for.

use std::time::Instant;

use futures_util::future::join_all;
use tokio_util::task::AbortOnDropHandle;

use super::Cast;
use super::answer_tails::AnswerTails;
use super::turn::COMES_BACK;
use super::turn::{Account, Turn, accepted};
use crate::history::writer::Recorder;
use crate::history::{
    Accepted, ClientEvent, MessageId, OpId, Outcome, PodName, SessionNo, ThreadId, TurnKey, WatcherId,
};
use crate::plan::{Answer, Manner, Pod};
use crate::run::slot::Slot;
use crate::run::stopped::Stopped;
use crate::workload::{Attach, EdgeClient, Message, Session, Tail, TailFrom, Way};

/// One request that posts a message.
struct Post {
    op: OpId,
    way: Way,
    session: Session,
    session_no: SessionNo,
    thread: ThreadId,
    message: MessageId,
    text: String,
    /// The watcher that the answer is, if it is itself a tail.
    watcher: WatcherId,
}

impl Post {
    /// Sends the message. The outcome goes into the history.
    async fn send(self, slot: &Slot, recorder: &Recorder, tails: &AnswerTails) -> Outcome<Accepted> {
        let op = self.op;
        let outcome = if self.way.api.streams() {
            self.stream(slot, recorder, tails).await
        } else {
            let message = Message {
                thread: &self.thread,
                id: &self.message,
                text: &self.text,
            };
            let Way { api, at, asked, .. } = &self.way;
            api.post(asked, *at, &self.session, message).await
        };
        let ended = outcome.clone();
        recorder.record(ClientEvent::PostEnded { op, outcome: ended });
        outcome
    }

    async fn stream(self, slot: &Slot, recorder: &Recorder, tails: &AnswerTails) -> Outcome<Accepted> {
        let attach = Attach {
            watcher: self.watcher,
            pod: self.way.asked,
            at: self.way.at,
            session: self.session,
            session_no: self.session_no,
            thread: self.thread,
            turn: None,
            from: TailFrom::Start,
            role: "answer".to_owned(),
            patience: None,
            manner: Manner::Eager,
        };
        let message = (&self.message, self.text.as_str());
        let (outcome, tail) = Tail::post(&self.way.api, attach, message, slot.owners.clone(), recorder.clone()).await;
        if let Some(tail) = tail {
            tails.keep(tail);
        }
        outcome
    }
}

/// A message on its way to the play's thread.
pub struct Posting {
    thread: ThreadId,
    message: MessageId,
    key: TurnKey,
    answer: Answer,
    task: AbortOnDropHandle<Outcome<Accepted>>,
}

impl Posting {
    /// Waits for what comes of it; a request has a bound of its own.
    pub async fn outcome(&mut self) -> Result<Outcome<Accepted>, Stopped> {
        let ended = (&mut self.task).await;
        ended.map_err(|e| Stopped::Harness(format!("a post did not come to its end: {e}")))
    }
}

impl Cast {
    /// Begins to post a message to the play's thread through a pod, and does not wait for the answer.
    pub fn begin_post(&mut self, pod: &PodName, answer: Answer) -> Result<Posting, Stopped> {
        let key = self.next_key();
        let (thread, message) = (self.thread.clone(), MessageId::from(format!("m-{key}")));
        let task = self.sent(pod, &thread, &message, &key, &answer)?;
        Ok(Posting {
            thread,
            message,
            key,
            answer,
            task,
        })
    }

    /// Sends the same message again through another pod, as a client does that got no answer; the play ends if it is not
    /// accepted.
    pub async fn post_again(&mut self, posting: Posting, pod: &PodName) -> Result<Turn, Stopped> {
        let Posting {
            thread,
            message,
            key,
            answer,
            task: _,
        } = posting;
        let task = self.sent(pod, &thread, &message, &key, &answer)?;
        let again = task
            .await
            .map_err(|e| Stopped::Harness(format!("a post did not come to its end: {e}")))?;
        let turn = match again {
            Outcome::Ok(accepted) => Outcome::Ok(Turn {
                id: accepted.turn,
                thread,
                message,
                key,
                accepted_by: accepted.pod,
            }),
            Outcome::Failed { status, reason } => Outcome::Failed { status, reason },
            Outcome::Unknown { reason } => Outcome::Unknown { reason },
        };
        let turn = accepted(pod, turn)?;
        self.turns.push(turn.clone());
        Ok(turn)
    }

    /// Sends a message. The outcome goes into the history, whether or not a caller waits for it.
    fn sent(
        &mut self,
        pod: &PodName,
        thread: &ThreadId,
        message: &MessageId,
        key: &TurnKey,
        answer: &Answer,
    ) -> Result<AbortOnDropHandle<Outcome<Accepted>>, Stopped> {
        let post = self.posted(self.way_to(pod)?, thread, message, key, answer);
        let (slot, recorder, tails) = (self.slot.clone(), self.recorder.clone(), self.answers.clone());
        Ok(AbortOnDropHandle::new(tokio::spawn(async move {
            post.send(&slot, &recorder, &tails).await
        })))
    }

    /// Records that a message is about to be posted. Returns the request.
    fn posted(&mut self, way: Way, thread: &ThreadId, message: &MessageId, key: &TurnKey, answer: &Answer) -> Post {
        let text = answer.prompt(key);
        self.ops += 1;
        let op = OpId(self.ops);
        if self.slot.api.streams() {
            self.watchers += 1;
        }
        let account = self.whose(thread);
        self.recorder.record(ClientEvent::Posted {
            op,
            pod: way.asked.clone(),
            thread: thread.clone(),
            message: message.clone(),
            text: text.clone(),
            expect: Box::new(answer.expect(key)),
        });
        Post {
            op,
            way,
            session: self.session_of(account).clone(),
            session_no: self.session_no_of(account),
            thread: thread.clone(),
            message: message.clone(),
            text,
            watcher: WatcherId(self.watchers),
        }
    }
}

impl Cast {
    /// Makes another thread beside the play's own.
    pub async fn another_thread(&mut self, role: Pod, whose: Account) -> Result<ThreadId, Stopped> {
        let pod = self.pod(role);
        self.another_thread_on(&pod, whose).await
    }

    pub(in crate::run) async fn another_thread_on(
        &mut self,
        pod: &PodName,
        whose: Account,
    ) -> Result<ThreadId, Stopped> {
        let session = self.session_of(whose).clone();
        let made = self.slot.api.new_thread(pod, self.slot.address(pod)?, &session).await;
        let thread = made.map_err(|e| Stopped::GaveUp(e.to_string()))?;
        self.recorder.record(ClientEvent::ThreadMade {
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

    /// Posts a message to the play's thread as a client of the edge; the play ends if it is not accepted.
    pub async fn post_by(&mut self, client: &EdgeClient, answer: Answer) -> Result<Turn, Stopped> {
        let (way, thread) = (self.way_of(client)?, self.thread.clone());
        let outcome = self.try_post_by(&way, &thread, &answer).await;
        accepted(&way.asked, outcome)
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
        let way = self.way_to(pod)?;
        Ok(self.try_post_by(&way, thread, answer).await)
    }

    /// Posts a message to a thread, whatever comes of it. A client of the edge that gets a server's error, or no answer, sends the
    /// same message again for as long as the edge may take to find out who serves.
    pub(in crate::run) async fn try_post_by(&mut self, way: &Way, thread: &ThreadId, answer: &Answer) -> Outcome<Turn> {
        let key = self.next_key();
        let end = Instant::now() + self.patience_of(way);
        loop {
            let outcomes = self.send(thread, std::slice::from_ref(way), answer, &key).await;
            let Some(outcome) = outcomes.into_iter().next() else {
                unreachable!("one way gives one outcome")
            };
            let is_trouble = match &outcome {
                Outcome::Ok(_) => false,
                Outcome::Failed { status, .. } => *status >= 500,
                Outcome::Unknown { .. } => true,
            };
            if !is_trouble || Instant::now() >= end {
                return outcome;
            }
            tokio::time::sleep(COMES_BACK).await;
        }
    }

    /// Posts a message to the play's thread whose body is larger than the system takes. Returns true if it was refused.
    pub async fn post_too_large(&mut self, pod: &PodName) -> Result<bool, Stopped> {
        let Some(limit) = self.slot.api.system().rules().body_limit else {
            return Err(Stopped::Harness("the description says no largest body".to_owned()));
        };
        let at = self.slot.address(pod)?;
        let (thread, id) = (self.thread.clone(), MessageId::from(format!("m-{}", self.next_key())));
        let text = "x".repeat(usize::try_from(limit.bytes).unwrap_or(usize::MAX));
        let message = Message {
            thread: &thread,
            id: &id,
            text: &text,
        };
        let asked_us = self.recorder.now_us();
        let session = self.session_of(Account::Own);
        let outcome = self.slot.api.post_in_vain(at, session, message).await;
        let is_refused = matches!(outcome, Outcome::Failed { .. });
        self.recorder.record(ClientEvent::PostedTooLarge {
            pod: pod.clone(),
            thread,
            bytes: limit.bytes,
            asked_us,
            outcome,
        });
        Ok(is_refused)
    }

    fn next_key(&mut self) -> TurnKey {
        self.messages += 1;
        TurnKey::from(format!("{}t{}", self.nonce, self.messages))
    }

    /// Posts one and the same message to the play's thread through every pod at once, as a client does that got no answer
    /// and tries again. The play ends if none accepts it.
    pub async fn post_on_every_pod(&mut self, answer: Answer) -> Result<Turn, Stopped> {
        let (thread, pods) = (self.thread.clone(), self.pods());
        let ways: Vec<Way> = pods.iter().map(|pod| self.way_to(pod)).collect::<Result<_, _>>()?;
        let key = self.next_key();
        let outcomes = self.send(&thread, &ways, &answer, &key).await;
        let first = outcomes.iter().find(|o| o.ok().is_some()).or(outcomes.first()).cloned();
        let Some(first) = first else {
            unreachable!("a cluster has pods")
        };
        accepted(&pods[0], first)
    }

    /// Sends one message each of the ways, all at once. The turn that the first yes names is the message's.
    async fn send(&mut self, thread: &ThreadId, ways: &[Way], answer: &Answer, key: &TurnKey) -> Vec<Outcome<Turn>> {
        let message = MessageId::from(format!("m-{key}"));
        let posts = ways
            .iter()
            .map(|way| self.posted(way.clone(), thread, &message, key, answer));
        let posts: Vec<Post> = posts.collect();
        let posts = posts
            .into_iter()
            .map(|post| post.send(&self.slot, &self.recorder, &self.answers));
        let answers = join_all(posts).await;
        if answers.iter().any(|outcome| outcome.ok().is_some()) {
            self.last_seen.note(Instant::now());
        }
        let made = |accepted: Accepted| Turn {
            id: accepted.turn,
            thread: thread.clone(),
            message: message.clone(),
            key: key.clone(),
            accepted_by: accepted.pod,
        };
        let outcomes: Vec<Outcome<Turn>> = answers
            .into_iter()
            .map(|outcome| match outcome {
                Outcome::Ok(accepted) => Outcome::Ok(made(accepted)),
                Outcome::Failed { status, reason } => Outcome::Failed { status, reason },
                Outcome::Unknown { reason } => Outcome::Unknown { reason },
            })
            .collect();
        self.turns.extend(outcomes.iter().find_map(Outcome::ok).cloned());
        outcomes
    }
}
