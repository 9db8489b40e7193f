//! The things that a pod tells of itself: health, readiness, metrics, feedback.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{Api, ApiError, unfit};
use crate::history::{FeedbackId, Outcome, PodName};
use crate::system::language::Pointer;
use crate::workload::answer::{Answer, Trouble, whole};
use crate::workload::request::Prepared;
use crate::workload::session::Session;

/// A pod's metrics at one moment, in Prometheus' text format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scrape(String);

impl Scrape {
    /// Value of a metric without labels.
    ///
    /// # Errors
    /// There is none of that name that counts whole things.
    pub fn value(&self, name: &str) -> Result<u64, String> {
        let mut values = self.0.lines();
        let value = values.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        // A counter of whole things; some exporters write it as a float.
        let whole = value.and_then(|value| value.split([' ', '.']).next()?.parse().ok());
        whole.ok_or_else(|| format!("no {name} among its metrics"))
    }
}

impl Api {
    /// Asks a pod whether it is alive and not draining.
    pub async fn health(&self, at: SocketAddr) -> Outcome<()> {
        match self.plain(at, &self.system.description.pods.alive).await {
            Ok(answer) if answer.status.is_success() => Outcome::Ok(()),
            Ok(answer) => super::not_done(&answer),
            Err(Trouble { reason, .. }) => Outcome::Unknown { reason },
        }
    }

    /// Asks a pod whether it can serve: its answer's status, and the beginning of the body.
    ///
    /// # Errors
    /// There was no answer, or the description has no `pods.ready`; the error says what was seen.
    pub async fn ready(&self, at: SocketAddr) -> Result<(u16, String), String> {
        let path = self
            .system
            .description
            .pods
            .ready
            .as_ref()
            .ok_or("the description has no pods.ready")?;
        let answer = self.plain(at, path).await.map_err(|trouble| trouble.reason)?;
        Ok((answer.status.as_u16(), answer.excerpt()))
    }

    /// How often a pod says that it stepped down because another one had taken its turn.
    ///
    /// # Errors
    /// Its metrics cannot be had, or do not hold the counter that the description names.
    pub async fn superseded(&self, at: SocketAddr) -> Result<u64, String> {
        let metrics = self.system.description.metrics.as_ref();
        let name = metrics.and_then(|metrics| metrics.superseded.as_deref());
        self.counted(at, name.ok_or("the description has no metrics.superseded")?)
            .await
    }

    /// Value of one of a pod's metrics that has no labels.
    ///
    /// # Errors
    /// The pod's metrics cannot be had, or do not hold one of that name.
    pub async fn counted(&self, at: SocketAddr, name: &str) -> Result<u64, String> {
        self.metrics(at).await?.value(name)
    }

    /// All of a pod's metrics, as of one moment.
    ///
    /// # Errors
    /// They cannot be had, or the description has no `metrics`.
    pub async fn metrics(&self, at: SocketAddr) -> Result<Scrape, String> {
        let metrics = self
            .system
            .description
            .metrics
            .as_ref()
            .ok_or("the description has no metrics")?;
        let answer = self.plain(at, &metrics.path).await.map_err(|trouble| trouble.reason)?;
        Ok(Scrape(answer.text().to_owned()))
    }

    /// Posts a piece of feedback.
    pub async fn feedback(&self, at: SocketAddr, session: &Session, item: &FeedbackId, text: &str) -> Outcome<()> {
        let Some(feedback) = &self.system.description.feedback else {
            return Outcome::Unknown {
                reason: "the description has no feedback".to_owned(),
            };
        };
        let values = session.values.clone().with("item", item.as_str()).with("text", text);
        self.outcome_of(at, session, &feedback.post, &values).await
    }

    /// How many pieces of feedback of the session's account are stored, by a pod's word.
    ///
    /// # Errors
    /// It was not accepted, or the answer lacks the count.
    pub async fn feedback_count(&self, pod: &PodName, at: SocketAddr, session: &Session) -> Result<u64, ApiError> {
        let what = "count feedback";
        let feedback = self.system.description.feedback.as_ref();
        let call = &feedback
            .ok_or_else(|| unfit(what, pod, "the description has no feedback".to_owned()))?
            .count;
        let (answer, _) = self
            .must((what, pod, at), session, &call.request, &session.values)
            .await?;
        let body = answer.json().map_err(|got| unfit(what, pod, got))?;
        let count = call.count.find(&body).and_then(|count| count.as_u64());
        count.ok_or_else(|| unfit(what, pod, format!("no count at {}: {}", call.count, answer.excerpt())))
    }

    /// Asks for a path without a sign-in: the answer's status, and the pod that answered by its own word.
    ///
    /// # Errors
    /// There was no whole answer, in words.
    pub async fn get(&self, at: SocketAddr, path: &str) -> Result<(u16, Option<PodName>), String> {
        let answer = self.plain(at, path).await.map_err(|trouble| trouble.reason)?;
        Ok(self.said_by(&answer))
    }

    /// The text at a pointer of the answer of a path.
    ///
    /// # Errors
    /// There was no answer, or no such text in it, in words.
    pub async fn said_at(&self, at: SocketAddr, path: &str, pointer: &Pointer) -> Result<String, String> {
        let answer = self.plain(at, path).await.map_err(|trouble| trouble.reason)?;
        let said = pointer.find(&answer.json()?);
        let said = said.as_ref().and_then(|said| said.as_str()).map(str::to_owned);
        said.ok_or_else(|| format!("no text at {pointer}: {}", answer.excerpt()))
    }

    /// The status of an answer, and the pod that says it is its own.
    pub(super) fn said_by(&self, answer: &Answer) -> (u16, Option<PodName>) {
        let header = self.system.description.pods.answered_by.as_deref();
        let pod = header.and_then(|name| answer.header(name)).map(PodName::from);
        (answer.status.as_u16(), pod)
    }

    /// Asks a pod for a path without a sign-in.
    async fn plain(&self, at: SocketAddr, path: &str) -> Result<Answer, Trouble> {
        let response = self.sent(at, Prepared::get(path)).await?;
        whole(response, &BTreeMap::new()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_found_by_its_whole_name() {
        let text = "# TYPE x counter\nx_total_other 9\nx_total 3\n";
        let scrape = Scrape(text.to_owned());
        assert_eq!(scrape.value("x_total"), Ok(3));
        assert!(scrape.value("y_total").is_err_and(|why| why.contains("y_total")));
    }
}
