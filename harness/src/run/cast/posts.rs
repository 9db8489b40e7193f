//! A post that a story goes on beside: it is on its way, and the pod may never answer it.

use tokio_util::task::AbortOnDropHandle;

use super::{Cast, Turn, accepted};
use crate::history::{Accepted, MessageId, OpId, Outcome, PodName, ThreadId, TurnKey, What};
use crate::plan::Answer;
use crate::run::story::Stopped;

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
        self.messages += 1;
        let key = TurnKey::from(format!("{}t{}", self.nonce, self.messages));
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

    /// Sends a message; what comes of it goes into the history whoever waits for it.
    fn sent(
        &mut self,
        pod: &PodName,
        thread: &ThreadId,
        message: &MessageId,
        key: &TurnKey,
        answer: &Answer,
    ) -> Result<AbortOnDropHandle<Outcome<Accepted>>, Stopped> {
        self.ops += 1;
        let (op, at) = (OpId(self.ops), self.slot.address(pod)?);
        let text = answer.prompt(key);
        self.recorder.record(What::Posted {
            op,
            pod: pod.clone(),
            thread: thread.clone(),
            message: message.clone(),
            text: text.clone(),
            expect: Box::new(answer.expect(key)),
        });
        let (api, recorder) = (self.slot.api.clone(), self.recorder.clone());
        let session = self.session_of(self.whose(thread)).clone();
        let (thread, message) = (thread.clone(), message.clone());
        Ok(AbortOnDropHandle::new(tokio::spawn(async move {
            let outcome = api.post(at, &session, &thread, &message, &text).await;
            let ended = outcome.clone();
            recorder.record(What::PostEnded { op, outcome: ended });
            outcome
        })))
    }
}
