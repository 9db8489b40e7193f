//! Owners by names that only the pods' own logs lead back to a pod: a worker's random id, say.
//!
//! A name counts if a pod has logged it since its last start. What a life of a pod has said stays known after its end, so that rows
//! of a dead owner lead to its pod; a later life that says the same name takes it over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};

use crate::history::PodName;
use crate::system::language::Expression;
use crate::system::stored::{OwnerMap, OwnerRule};
use crate::wait::{self, Look};

/// Longest wait for a log to say a name: a line is there a little after it was written, and a pod may write it a little after it
/// has claimed something.
const SAID: Duration = Duration::from_secs(2);
/// How often logs are read meanwhile.
const EVERY: Duration = Duration::from_millis(100);

/// Reads the pods' logs. The driver of the cluster knows how.
pub struct PodLogs {
    /// The pods, each with a word for its current life: it changes with each start. `None` if the pod does not run.
    pub lives: Box<dyn Fn() -> Vec<(PodName, Option<String>)> + Send + Sync>,
    /// The lines of a pod since its last start; none if its log cannot be read.
    pub since_start: Box<dyn Fn(PodName) -> BoxFuture<'static, Vec<String>> + Send + Sync>,
}

/// Leads owners back to pods by the pods' logs.
pub struct OwnerNames {
    said: Option<Said>,
}

struct Said {
    pattern: Expression,
    logs: PodLogs,
    known: std::sync::Mutex<Known>,
    /// Held by whoever reads logs: who comes meanwhile waits and need not read them again.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    pods: BTreeMap<String, PodName>,
    /// The lives whose logs have said a name.
    lives: BTreeMap<PodName, Option<String>>,
    /// Names that no log has said in time.
    strange: BTreeSet<String>,
}

impl OwnerNames {
    /// Names that are explained by logs, if the description says so.
    pub fn new(owner: Option<&OwnerRule>, logs: PodLogs) -> Self {
        let pattern = match owner.map(OwnerRule::map) {
            Some(OwnerMap::SaidInLog(pattern)) => Some(pattern.clone()),
            _ => None,
        };
        let said = pattern.map(|pattern| Said {
            pattern,
            logs,
            known: std::sync::Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        });
        Self { said }
    }

    /// Names that need no log.
    pub fn plain() -> Self {
        Self { said: None }
    }

    /// The pod that an owner's name leads to. A name that no log says within two seconds stands as it is, and is not waited for again.
    pub async fn pod_of(&self, owner: PodName) -> PodName {
        match &self.said {
            Some(said) => said.pod_of(owner.as_str()).await.unwrap_or(owner),
            None => owner,
        }
    }

    /// Reads the logs of lives that have not said a name yet, so that later questions need not.
    pub async fn learn(&self) {
        if let Some(said) = &self.said {
            said.look(false).await;
        }
    }
}

impl Said {
    async fn pod_of(&self, owner: &str) -> Option<PodName> {
        self.look(false).await;
        if let Some(pod) = self.known(|known| known.pods.get(owner).cloned()) {
            return Some(pod);
        }
        if self.known(|known| known.strange.contains(owner)) {
            self.look(true).await;
            return self.known(|known| known.pods.get(owner).cloned());
        }
        let what = format!("a pod to log that it is {owner}");
        let said = wait::until(&what, SAID, EVERY, || async {
            self.look(true).await;
            self.known(|known| match known.pods.get(owner) {
                Some(pod) => Look::Done(pod.clone()),
                None => Look::NotYet(format!("{:?}", known.pods)),
            })
        });
        match said.await {
            Ok(pod) => Some(pod),
            Err(e) => {
                tracing::info!(error = %e, "an owner leads to no pod");
                self.known(|known| known.strange.insert(owner.to_owned()));
                None
            }
        }
    }

    /// Reads the logs of the pods whose current life has said no name yet, or of all pods.
    async fn look(&self, all: bool) {
        let _reading = self.reading.lock().await;
        let mut lives = (self.logs.lives)();
        // A dead pod's log says what it said before.
        let is_new = |known: &Known, pod: &PodName, life: &Option<String>| match known.lives.get(pod) {
            Some(read) => life.is_some() && life != read,
            None => true,
        };
        self.known(|known| lives.retain(|(pod, life)| all || is_new(known, pod, life)));
        let reading = lives.iter().map(|(pod, _)| (self.logs.since_start)(pod.clone()));
        for ((pod, life), lines) in lives.iter().zip(join_all(reading).await) {
            let names = lines.iter().filter_map(|line| self.pattern.group("owner", line));
            for name in names {
                self.known(|known| {
                    known.pods.insert(name.to_owned(), pod.clone());
                    known.lives.insert(pod.clone(), life.clone());
                });
            }
        }
    }

    fn known<T>(&self, of: impl FnOnce(&mut Known) -> T) -> T {
        of(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;
