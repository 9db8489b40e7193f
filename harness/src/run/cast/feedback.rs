//! Feedback that clients give: posted to a pod, acknowledged or refused, and stored some time later.

use std::time::Duration;

use futures_util::StreamExt as _;
use rand::RngExt as _;
use tokio_util::task::AbortOnDropHandle;

use super::Cast;
use super::turn::LOOK;
use crate::history::writer::Recorder;
use crate::history::{ClientEvent, FeedbackId, OpId, Outcome, PodName, Row, StoreEvent, What};
use crate::plan::rng;
use crate::run::stopped::Stopped;
use crate::system::judging::Feedback;
use crate::wait::{self, Expired, Look};
use crate::workload::{EdgeClient, Session, Way};

/// Longest that a story waits for feedback to be stored that nothing holds up but what the story has broken.
const STORED: Duration = Duration::from_secs(6);
/// The size of a small item's text, in bytes.
const SMALL: usize = 40;

/// Pieces of feedback of one batch that are on their way at a time.
const AT_A_TIME: usize = 8;

/// A batch of feedback on its way: each piece, and whether it was acknowledged.
pub struct FeedbackBatch(AbortOnDropHandle<Vec<(FeedbackId, Outcome<()>)>>);

/// A piece of feedback that is about to be given.
struct Given {
    op: OpId,
    way: Way,
    pod: PodName,
    session: Session,
    item: FeedbackId,
}

impl Given {
    /// Gives it. The outcome goes into the history.
    async fn send(self, recorder: &Recorder, text_bytes: usize) -> (FeedbackId, Outcome<()>) {
        let Self {
            op,
            way,
            pod,
            session,
            item,
        } = self;
        recorder.record(ClientEvent::FeedbackPosted {
            op,
            pod,
            item: item.clone(),
        });
        let text = "well said ".repeat(text_bytes.div_ceil(10));
        let outcome = way.api.feedback(way.at, &session, &item, &text[..text_bytes]).await;
        let ended = outcome.clone();
        recorder.record(ClientEvent::FeedbackEnded { op, outcome: ended });
        (item, outcome)
    }
}

impl Cast {
    /// Gives a pod a small piece of feedback; the play ends if it is not acknowledged.
    pub async fn give_feedback(&mut self, pod: &PodName) -> Result<FeedbackId, Stopped> {
        match self.try_feedback(pod, SMALL).await? {
            (item, Outcome::Ok(())) => Ok(item),
            (item, refused) => Err(Stopped::GaveUp(format!(
                "feedback {item} on {pod} was not acknowledged: {refused:?}"
            ))),
        }
    }

    /// Gives a pod a piece of feedback with a text of so many bytes, whatever comes of it.
    pub async fn try_feedback(
        &mut self,
        pod: &PodName,
        text_bytes: usize,
    ) -> Result<(FeedbackId, Outcome<()>), Stopped> {
        let way = Way::to(&self.slot.api, pod, self.slot.address(pod)?);
        let given = self.gives(&way, pod)?;
        let (item, outcome) = given.send(&self.recorder, text_bytes).await;
        self.feedback.push((item.clone(), outcome.ok().is_some()));
        Ok((item, outcome))
    }

    /// Gives a small piece of feedback as a client of the edge, which leads it to `pod`; the play ends if it is not acknowledged.
    pub async fn give_feedback_by(&mut self, client: &EdgeClient, pod: &PodName) -> Result<FeedbackId, Stopped> {
        let way = self.way_of(client)?;
        let given = self.gives(&way, pod)?;
        let (item, outcome) = given.send(&self.recorder, SMALL).await;
        self.feedback.push((item.clone(), outcome.ok().is_some()));
        match outcome {
            Outcome::Ok(()) => Ok(item),
            refused => Err(Stopped::GaveUp(format!(
                "feedback {item} through the edge was not acknowledged: {refused:?}"
            ))),
        }
    }

    /// Begins to give a pod so many small pieces of feedback, several at a time, and does not wait for the answers.
    pub fn begin_feedback(&mut self, pod: &PodName, count: usize) -> Result<FeedbackBatch, Stopped> {
        let way = Way::to(&self.slot.api, pod, self.slot.address(pod)?);
        let given: Vec<Given> = (0..count).map(|_| self.gives(&way, pod)).collect::<Result<_, _>>()?;
        let recorder = self.recorder.clone();
        let sent = futures_util::stream::iter(given)
            .map(move |given| {
                let recorder = recorder.clone();
                async move { given.send(&recorder, SMALL).await }
            })
            .buffer_unordered(AT_A_TIME);
        Ok(FeedbackBatch(AbortOnDropHandle::new(tokio::spawn(sent.collect()))))
    }

    /// Waits until each piece of a batch is acknowledged or not. Returns how many are.
    pub async fn feedback_ended(&mut self, batch: FeedbackBatch) -> Result<usize, Stopped> {
        let ended = batch.0.await;
        let ended = ended.map_err(|e| Stopped::Harness(format!("a batch of feedback did not come to its end: {e}")))?;
        let ended = ended.into_iter().map(|(item, outcome)| (item, outcome.ok().is_some()));
        let ended: Vec<(FeedbackId, bool)> = ended.collect();
        let acknowledged = ended.iter().filter(|(_, is_acknowledged)| *is_acknowledged).count();
        self.feedback.extend(ended);
        Ok(acknowledged)
    }

    /// A moment of at most `within`, drawn from the play's seed: the same for the same `number`.
    pub fn drawn_moment(&self, number: u32, within: Duration) -> Duration {
        within.mul_f64(rng(self.plan.seed, &format!("moment {number}")).random())
    }

    /// Lets a drawn moment pass: time itself is what is waited for.
    pub async fn moment_passes(&self, moment: Duration) {
        tokio::time::sleep(moment).await;
    }

    /// A piece of feedback that is about to be given.
    fn gives(&mut self, way: &Way, pod: &PodName) -> Result<Given, Stopped> {
        self.takes_feedback()?;
        self.ops += 1;
        Ok(Given {
            op: OpId(self.ops),
            way: way.clone(),
            pod: pod.clone(),
            session: self.reader.clone(),
            item: FeedbackId::from(format!("f-{}-{}", self.nonce, self.ops)),
        })
    }

    /// True if a pod refused and gave "no room" as the reason.
    pub fn was_for_want_of_room(&self, outcome: &Outcome<()>) -> bool {
        let feedback = self.slot.api.system().description.feedback.as_ref();
        let said = feedback.and_then(|feedback| feedback.no_room.as_deref());
        matches!((outcome, said), (Outcome::Failed { status: 503, reason }, Some(said)) if reason.contains(said))
    }

    /// Waits until the history holds that each of the items is stored.
    pub async fn feedback_stored(&self, items: &[FeedbackId]) -> Result<(), Stopped> {
        for item in items {
            self.stored(item).await?;
        }
        Ok(())
    }

    /// Waits until a pod says that it keeps nothing that is not stored.
    pub async fn spool_is_empty(&self, pod: &PodName) -> Result<(), Stopped> {
        let Some(metric) = self.takes_feedback()?.spooled.as_ref() else {
            return Err(Stopped::GaveUp("feedback.spooled is not said".to_owned()));
        };
        let slot = &self.slot;
        let what = format!("the spool of {pod} to be empty");
        let empty = wait::until(&what, STORED, LOOK, || async move {
            let Ok(at) = slot.address(pod) else {
                return Look::NotYet("it listens nowhere".to_owned());
            };
            match slot.api.counted(at, metric).await {
                Ok(0) => Look::Done(()),
                Ok(left) => Look::NotYet(format!("{left} items")),
                Err(seen) => Look::NotYet(seen),
            }
        });
        Ok(empty.await?)
    }

    pub(in crate::run) async fn stored(&self, item: &FeedbackId) -> Result<(), Expired> {
        let recorder = &self.recorder;
        let what = format!("feedback {item} to be stored");
        wait::until(&what, STORED, LOOK, || async move {
            let held = recorder.find(0, |event| match &event.what {
                What::Store(StoreEvent::Row {
                    row: Row::Feedback { item: stored },
                    ..
                }) if stored == item => Some(()),
                _ => None,
            });
            held.map_or_else(|| Look::NotYet("no such row".to_owned()), Look::Done)
        })
        .await
    }

    pub(in crate::run) fn takes_feedback(&self) -> Result<&Feedback, Stopped> {
        let system = self.slot.api.system();
        let feedback = system.description.feedback.as_ref();
        feedback.ok_or_else(|| Stopped::GaveUp(format!("{} takes no feedback", system.name())))
    }
}
