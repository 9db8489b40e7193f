//! Changes of the edge and to the pods behind it: drains, rolling upgrades, a candidate that is promoted or rolled back, an edge
//! that is restarted, and one that pins nobody for a while.

use std::time::{Duration, Instant};

use crate::cluster::{Candidate, ClusterError, PartHandle, Role, Split};
use crate::history::{Bound, PodName, RunEvent};
use crate::run::cast::Cast;
use crate::run::cast::faults::{NemesisSide, STOP};
use crate::run::stopped::Stopped;
use crate::system::parts::{self, Version};
use crate::wait::{self, Look};

/// Longest until a candidate says that it lives, can serve, and which version it is.
const VERIFIED: Duration = Duration::from_secs(8);
/// Interval between two looks at it.
const LOOK: Duration = Duration::from_millis(50);

/// The edge, as a story changes it.
pub struct EdgeSide<'a> {
    cast: &'a mut Cast,
}

impl Cast {
    /// The edge.
    pub fn edge(&mut self) -> EdgeSide<'_> {
        EdgeSide { cast: self }
    }

    /// The name of the candidate; the play ends if there is none.
    pub fn candidate(&self) -> Result<PodName, Stopped> {
        Ok(PodName::from(self.described_candidate()?.service.as_str()))
    }

    fn described_candidate(&self) -> Result<&parts::Candidate, Stopped> {
        let candidate = self.edge_rules()?.candidate.as_ref();
        candidate.ok_or_else(|| Stopped::GaveUp("edge.candidate is not said".to_owned()))
    }
}

impl EdgeSide<'_> {
    // --- a release beside the pods

    /// Starts the candidate beside the pods. The edge leads nobody to it yet.
    pub async fn start_candidate(self) -> Result<PartHandle, Stopped> {
        let candidate = self.cast.slot.edge()?.candidate().map_err(harness)?;
        candidate
            .start()
            .await
            .map_err(|e| not_started(candidate.service(), &e))
    }

    /// Verifies the candidate before anybody is led to it: it lives, it can serve, and it says the version that is expected.
    pub async fn verify_candidate(self) -> Result<(), Stopped> {
        let cast = &*self.cast;
        let (expected, version) = (&cast.described_candidate()?.version, &reported_version(cast)?);
        let handle = cast.slot.edge()?.candidate().map_err(harness)?.handle();
        let handle = handle.ok_or_else(|| Stopped::Harness("the candidate was not started".to_owned()))?;
        let what = format!("the candidate to live, to be ready and to be version {expected}");
        let verified = wait::until(&what, VERIFIED, LOOK, || {
            let handle = handle.clone();
            async move {
                let Some(at) = handle.address() else {
                    return Look::NotYet("it listens nowhere".to_owned());
                };
                let api = &cast.slot.api;
                let (lives, ready) = (api.health(at).await, api.ready(at).await);
                let said = api.said_at(at, &version.path, &version.at).await;
                let is_ready = ready.as_ref().is_ok_and(|(status, _)| (200..300).contains(status));
                match &said {
                    Ok(said) if said == expected && lives.ok().is_some() && is_ready => Look::Done(()),
                    said => Look::NotYet(format!("it says {said:?}, lives: {lives:?}, ready: {ready:?}")),
                }
            }
        });
        Ok(verified.await?)
    }

    /// Leads every client to the candidate.
    pub async fn promote(self) -> Result<(), Stopped> {
        let candidate = self.cast.candidate()?;
        self.split(Split::Promoted, vec![candidate]).await
    }

    /// Leads clients to the pods and to the candidate.
    pub async fn share(self) -> Result<(), Stopped> {
        let mut pods = self.cast.pods();
        pods.push(self.cast.candidate()?);
        self.split(Split::Both, pods).await
    }

    /// Leads every client to the pods again.
    pub async fn roll_back(self) -> Result<(), Stopped> {
        let pods = self.cast.pods();
        self.split(Split::RolledBack, pods).await
    }

    async fn split(self, split: Split, pods: Vec<PodName>) -> Result<(), Stopped> {
        let cast = self.cast;
        // From the moment in which the edge may act on it.
        cast.recorder.record(RunEvent::Pool { pods });
        cast.slot.edge()?.split(split).await.map_err(harness)
    }

    /// Tells the candidate to stop, and takes it away once it is gone.
    pub async fn stop_candidate(self) -> Result<(), Stopped> {
        let cast = self.cast;
        let handle = cast.slot.edge()?.candidate().map_err(harness)?.handle();
        if let Some(handle) = handle.filter(|handle| handle.address().is_some()) {
            let (since, bound) = (Instant::now(), cast.bound(Bound::Drain) + STOP);
            cast.nemesis.terminate(&handle, None).await?;
            cast.nemesis.gone(&handle, bound, since).await?;
            // The fault is over with the candidate, which nobody starts again.
            let target = PodName::from(handle.service());
            cast.nemesis.healing(&target);
            cast.nemesis.healed(&target);
        }
        cast.slot
            .edge()?
            .candidate()
            .map_err(harness)?
            .remove()
            .await
            .map_err(harness)
    }

    /// As [`EdgeSide::stop_candidate`], if a story has left one behind. A candidate that is killed would look like one that died.
    pub(in crate::run) async fn stop_candidate_left(self) -> Result<(), Stopped> {
        let candidate = self.cast.slot.edge().ok().and_then(|edge| edge.candidate().ok());
        match candidate.and_then(Candidate::handle) {
            Some(_) => self.stop_candidate().await,
            None => Ok(()),
        }
    }

    // --- pods behind it

    /// Replaces each pod by another version in turn, each once the one before it is back in the pool of an entry. Returns the exit codes
    /// of those that were told to stop.
    pub async fn upgrade_all(self, version: &str, entry: &str) -> Result<Vec<i64>, Stopped> {
        let cast = self.cast;
        let mut codes = Vec::new();
        for pod in cast.pods() {
            NemesisSide { cast: &mut *cast }.terminate_pod(&pod, None).await?;
            codes.push(NemesisSide { cast: &mut *cast }.gone(&pod).await?);
            NemesisSide { cast: &mut *cast }.roll_out(&pod, version).await?;
            cast.back_in_the_pool(&pod, entry).await?;
        }
        Ok(codes)
    }

    // --- the edge itself

    /// Kills the edge; it is dead when this returns.
    pub async fn kill(self) -> Result<(), Stopped> {
        let handle = self.cast.slot.edge()?.part().clone();
        let trigger = self.cast.last_seen.take();
        self.cast.nemesis.kill(&handle, None, trigger).await?;
        Ok(())
    }

    /// Stops the edge in good order; it is gone when this returns.
    pub async fn stop(self) -> Result<(), Stopped> {
        let handle = self.cast.slot.edge()?.part().clone();
        self.cast.nemesis.stop(&handle, STOP).await?;
        Ok(())
    }

    /// Starts the edge again, waits until it leads clients to the pods, and lets every client find it. Returns how long that took.
    pub async fn start(self) -> Result<Duration, Stopped> {
        let cast = self.cast;
        let began = Instant::now();
        NemesisSide { cast: &mut *cast }.mend(Role::Edge).await?;
        cast.find_edge_again()?;
        Ok(began.elapsed())
    }

    /// Lets the edge pin no client any longer, while clients still hold their cookies.
    pub async fn pin_nobody(self) -> Result<(), Stopped> {
        let cast = self.cast;
        let unpinned = cast.edge_rules()?.unpinned.clone();
        let unpinned = unpinned.ok_or_else(|| Stopped::GaveUp("edge.unpinned is not said".to_owned()))?;
        let folder = cast.slot.api.system().folder.join(unpinned);
        cast.recorder.record(RunEvent::Pinning { on: false });
        cast.slot.edge()?.lay_over(&folder).await.map_err(harness)
    }

    /// Lets the edge pin clients again, as its own configuration says.
    pub async fn pin_again(self) -> Result<(), Stopped> {
        let cast = self.cast;
        cast.slot.edge()?.take_back().await.map_err(harness)?;
        cast.recorder.record(RunEvent::Pinning { on: true });
        Ok(())
    }
}

fn reported_version(cast: &Cast) -> Result<Version, Stopped> {
    let version = cast.slot.api.system().description.pods.version.clone();
    version.ok_or_else(|| Stopped::GaveUp("[pods.version] is not said".to_owned()))
}

#[expect(clippy::needless_pass_by_value, reason = "a result hands its error over")]
fn harness(error: ClusterError) -> Stopped {
    Stopped::Harness(error.to_string())
}

/// A candidate that ends or does not get ready is the system's doing; an engine that refuses is not.
fn not_started(service: &str, error: &ClusterError) -> Stopped {
    let what = format!("{service} did not start: {error}");
    match error {
        ClusterError::Died { .. } | ClusterError::NotReady { .. } => Stopped::GaveUp(what),
        _ => Stopped::Harness(what),
    }
}
