//! Names of what is awaited while a cluster comes up. A wait that takes long is said, so that nobody takes it for a hang.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::cluster::part::progress::Progress;

/// Time of a wait until it is said, and between two lines.
const EVERY: Duration = Duration::from_secs(5);

/// Names of what is awaited now.
#[derive(Debug, Default)]
pub(in crate::cluster) struct Awaited(Mutex<BTreeSet<String>>);

/// One wait. It is over when this is dropped.
struct Wait<'a> {
    of: &'a Awaited,
    what: String,
}

impl Awaited {
    /// Keeps a name until the work is done or dropped.
    pub(in crate::cluster) async fn during<T>(&self, what: String, work: impl Future<Output = T>) -> T {
        self.names().insert(what.clone());
        let _wait = Wait { of: self, what };
        work.await
    }

    /// Does the work, and says meanwhile what is awaited: once it takes long, and again when that has changed.
    pub(in crate::cluster) async fn told<T>(
        &self,
        project: &str,
        progress: &dyn Progress,
        work: impl Future<Output = T>,
    ) -> T {
        tokio::select! {
            biased;
            done = work => done,
            never = self.tell(project, progress) => match never {},
        }
    }

    async fn tell(&self, project: &str, progress: &dyn Progress) -> Infallible {
        let mut told = BTreeSet::new();
        loop {
            tokio::time::sleep(EVERY).await;
            let names = self.names().clone();
            if names != told && !names.is_empty() {
                let listed: Vec<&str> = names.iter().map(String::as_str).collect();
                progress.step(&format!("{project}: still awaiting {}", listed.join(", ")));
            }
            told = names;
        }
    }

    fn names(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.of.names().remove(&self.what);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    /// Lines that are told while each of some things is awaited for so many seconds.
    async fn lines(waits: &[(&str, u64)]) -> Vec<String> {
        let told = Mutex::new(Vec::new());
        let progress = |line: &str| told.lock().expect("no test has failed in it").push(line.to_owned());
        let awaited = Awaited::default();
        let waits = waits.iter().map(|&(what, seconds)| {
            let wait = sleep(Duration::from_secs(seconds));
            awaited.during(what.to_owned(), wait)
        });
        awaited
            .told("p", &progress, futures_util::future::join_all(waits))
            .await;
        told.into_inner().expect("no test has failed in it")
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_wait_is_told_once_and_again_when_something_has_come() {
        assert_eq!(
            lines(&[("pod-1", 12), ("edge", 33), ("pod-2", 12)]).await,
            ["p: still awaiting edge, pod-1, pod-2", "p: still awaiting edge"]
        );
        assert_eq!(
            lines(&[("pod-1", 3), ("edge", 4)]).await,
            [""; 0],
            "nobody has to be told"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_given_up_is_awaited_no_longer() {
        let awaited = Awaited::default();
        let wait = awaited.during("pod-1".to_owned(), sleep(Duration::from_secs(9)));
        assert!(tokio::time::timeout(Duration::from_secs(1), wait).await.is_err());
        assert!(awaited.names().is_empty());
    }
}
