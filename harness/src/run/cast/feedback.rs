//! Feedback that clients give: posted to a pod, acknowledged or refused, and stored some time later.

use std::time::Duration;

use super::Cast;
use super::turn::LOOK;
use crate::history::{ClientEvent, FeedbackId, OpId, Outcome, PodName, Row, StoreEvent, What};
use crate::run::stopped::Stopped;
use crate::system::judging::Feedback;
use crate::wait::{self, Expired, Look};

/// Longest that a story waits for feedback to be stored that nothing holds up but what the story has broken.
const STORED: Duration = Duration::from_secs(6);
/// The size of a small item's text, in bytes.
const SMALL: usize = 40;

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
        self.takes_feedback()?;
        self.ops += 1;
        let (op, at) = (OpId(self.ops), self.slot.address(pod)?);
        let item = FeedbackId::from(format!("f-{}-{}", self.nonce, self.ops));
        self.recorder.record(ClientEvent::FeedbackPosted {
            op,
            pod: pod.clone(),
            item: item.clone(),
        });
        let text = "well said ".repeat(text_bytes.div_ceil(10));
        let api = &self.slot.api;
        let outcome = api.feedback(at, &self.reader, &item, &text[..text_bytes]).await;
        let ended = outcome.clone();
        self.recorder.record(ClientEvent::FeedbackEnded { op, outcome: ended });
        self.feedback.push((item.clone(), outcome.ok().is_some()));
        Ok((item, outcome))
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
