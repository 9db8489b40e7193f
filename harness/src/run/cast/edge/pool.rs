//! Waits for what the edge knows of the pods: who is out of its pool, who is back, and who serves a client.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};

use super::clients::Answered;
use crate::history::PodName;
use crate::run::cast::Cast;
use crate::run::stopped::Stopped;
use crate::wait::{Expired, Look};
use crate::workload::EdgeClient;

/// How often clients ask while a story waits for what the edge knows.
const ASK: Duration = Duration::from_millis(50);
/// How much later than a fault its signal may be noticed.
const NOTICED: Duration = Duration::from_millis(700);
/// How much longer than the edge's own window a story waits. What comes later than the window is for the judge.
const BEYOND: Duration = Duration::from_secs(5);
/// Questions of a client once the edge must know that its pod is lost, and the time from one to the next.
const LATE: u32 = 4;
const LATER: Duration = Duration::from_millis(250);
/// New clients in one look, for each pod. An edge leads new clients to its servers by turns, and not strictly: after a change one server may
/// be left out for two rounds.
const CLIENTS_PER_POD: usize = 5;

impl Cast {
    /// Waits until an entry leads no new client to a pod.
    pub async fn out_of_the_pool(&mut self, pod: &PodName, entry: &str) -> Result<(), Stopped> {
        let what = format!("{pod} to be out of the pool of the entry {entry}");
        self.pool_is(&what, entry, |seen| !seen.contains(pod)).await
    }

    /// Waits until an entry leads new clients to a pod.
    pub async fn back_in_the_pool(&mut self, pod: &PodName, entry: &str) -> Result<(), Stopped> {
        let what = format!("{pod} to be back in the pool of the entry {entry}");
        self.pool_is(&what, entry, |seen| seen.contains(pod)).await
    }

    /// Waits until an entry leads new clients to these pods and no others.
    pub async fn pool_holds(&mut self, pods: &[PodName], entry: &str) -> Result<(), Stopped> {
        let wanted: BTreeSet<PodName> = pods.iter().cloned().collect();
        let what = format!("the pool of the entry {entry} to be {wanted:?}");
        self.pool_is(&what, entry, |seen| *seen == wanted).await
    }

    /// Waits until a client is served by another pod than `from`. Returns that pod. The client also asks when the edge must know that
    /// the pod is lost: the edge may hold the question before for so long that the cookie ends meanwhile.
    pub async fn re_pinned(&mut self, client: &EdgeClient, from: &PodName) -> Result<PodName, Stopped> {
        let what = format!(
            "client {} to be served by another pod than {from}",
            client.browser().no().0
        );
        let bound = self.health_window()? + BEYOND;
        let cast = &*self;
        let pod = asked_until(&what, bound, || async move {
            match cast.read_by(client).await {
                Some(answered) if answered.is_served() && answered.pod.as_ref() != Some(from) => match answered.pod {
                    Some(pod) => Look::Done(pod),
                    None => Look::NotYet("the edge itself".to_owned()),
                },
                answered => Look::NotYet(format!("{answered:?}")),
            }
        });
        let window = self.health_window()? + NOTICED;
        let late = (0..LATE).map(|n| async move {
            // Time itself is what is waited for.
            tokio::time::sleep(window + LATER * n).await;
            cast.read_by(client).await
        });
        let (pod, _) = join(pod, join_all(late)).await;
        Ok(pod?)
    }

    /// Lets the time pass within which the edge must know of what has just happened: time itself is what is waited for.
    pub async fn health_window_passes(&self) -> Result<(), Stopped> {
        tokio::time::sleep(self.health_window()? + NOTICED).await;
        Ok(())
    }

    /// The pod that a client is served by; the play ends if nobody serves it.
    pub async fn served(&self, client: &EdgeClient) -> Result<PodName, Stopped> {
        let answered = self.read_by(client).await;
        let pod = answered
            .clone()
            .filter(Answered::is_served)
            .and_then(|answered| answered.pod);
        pod.ok_or_else(|| {
            let (no, entry) = (client.browser().no().0, client.entry());
            Stopped::GaveUp(format!("client {no} at the entry {entry} to be served: {answered:?}"))
        })
    }

    /// A new client at an entry that is led to this pod; the play ends if none of several is.
    pub async fn client_on(&mut self, pod: &PodName, entry: &str) -> Result<EdgeClient, Stopped> {
        let tries = self.plan.pods.len() * CLIENTS_PER_POD;
        for _ in 0..tries {
            let client = self.edge_client(entry)?;
            if self.served(&client).await? == *pod {
                return Ok(client);
            }
        }
        Err(Stopped::GaveUp(format!(
            "none of {tries} new clients at the entry {entry} was led to {pod}"
        )))
    }

    /// Lets so many new clients read, each once. The pods that served them; the answers that were none of a pod's.
    pub async fn new_clients(&mut self, entry: &str, count: usize) -> Result<(BTreeSet<PodName>, usize), Stopped> {
        let scout = self.edge_client(entry)?;
        Ok(self.round(&scout, count).await)
    }

    async fn pool_is(
        &mut self,
        what: &str,
        entry: &str,
        is_so: impl Fn(&BTreeSet<PodName>) -> bool + Copy,
    ) -> Result<(), Stopped> {
        let scout = self.edge_client(entry)?;
        let (bound, count) = (self.health_window()? + BEYOND, self.plan.pods.len() * CLIENTS_PER_POD);
        let (cast, scout) = (&*self, &scout);
        let known = asked_until(what, bound, || async move {
            let (seen, refused) = cast.round(scout, count).await;
            match refused {
                0 if is_so(&seen) => Look::Done(()),
                refused => Look::NotYet(format!(
                    "clients were served by {seen:?}; {refused} of {count} by nobody"
                )),
            }
        });
        Ok(known.await?)
    }

    /// One look with a scout, which forgets its cookies and takes another address before each request.
    async fn round(&self, scout: &EdgeClient, count: usize) -> (BTreeSet<PodName>, usize) {
        let (mut seen, mut refused) = (BTreeSet::new(), 0);
        for number in 1..=count {
            scout.browser().forget_all();
            let last = u8::try_from(number).unwrap_or(u8::MAX);
            // An entry that takes no client's word for its address tells clients apart by their cookie, or not at all.
            drop(scout.at_address(Ipv4Addr::new(203, 0, 113, last)));
            match self.read_by(scout).await {
                Some(Answered { status, pod: Some(pod) }) if status < 500 => drop(seen.insert(pod)),
                _ => refused += 1,
            }
        }
        (seen, refused)
    }
}

/// Asks every [`ASK`] until it is so or `bound` is over. A question is never cut short, unlike a look of [`crate::wait::until`]: each
/// request is judged, so that each must come to its own end.
async fn asked_until<T, F, Fut>(what: &str, bound: Duration, mut ask: F) -> Result<T, Expired>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Look<T>>,
{
    let end = Instant::now() + bound;
    loop {
        match ask().await {
            Look::Done(value) => return Ok(value),
            Look::NotYet(_) if Instant::now() < end => tokio::time::sleep(ASK).await,
            Look::NotYet(last) => {
                let what = what.to_owned();
                return Err(Expired { what, bound, last });
            }
        }
    }
}
