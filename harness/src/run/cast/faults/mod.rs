//! Faults that a story injects, and their mending. A play that ends with a fault in force is healed after it.

pub(in crate::run) mod dependencies;
pub(in crate::run) mod inject;
pub(in crate::run) mod stores;

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::Cast;
use super::turn::BEGIN;
use crate::cluster::{ClusterError, PartHandle};
use crate::history::{Bound, Landing, PodName, ThreadId};
use crate::nemesis::{Aim, Armed, Failpoint, Held, Link, LinkCut, LinkFault, Role, Way};
use crate::run::stopped::Stopped;
use crate::system::parts::Version;

/// Grace of a dependency that gets SIGTERM.
pub(in crate::run) const STOP: Duration = Duration::from_secs(5);

/// Longest that a story waits for something to come of a fault that waits for data.
pub(in crate::run) const LANDING: Duration = Duration::from_secs(3);

/// The nemesis, as a story uses it.
pub struct NemesisSide<'a> {
    pub(in crate::run) cast: &'a mut Cast,
}

impl NemesisSide<'_> {
    // --- pods

    /// Kills an owner; it is dead when this returns.
    pub async fn kill(self, owner: &Aim) -> Result<(), Stopped> {
        self.kill_pod(&owner.owner, Some(owner)).await
    }

    /// Kills a pod, whatever it owns.
    pub async fn kill_pod(self, pod: &PodName, aim: Option<&Aim>) -> Result<(), Stopped> {
        let handle = self.cast.slot.pod(pod)?;
        let trigger = self.cast.last_seen.take();
        self.cast.nemesis.kill(&handle, aim, trigger).await?;
        Ok(())
    }

    /// Kills pods at the same moment, whatever they own. No event sets this off that the death could be timed from.
    pub async fn kill_together(self, pods: &[PodName]) -> Result<(), Stopped> {
        let unaimed: Vec<_> = pods.iter().map(|pod| (pod.clone(), None)).collect();
        self.kill_aimed(&unaimed, None).await.map(drop)
    }

    /// Kills pods at the same moment: the last would otherwise die in the commotion about the first.
    pub(in crate::run) async fn kill_aimed(
        self,
        aimed: &[(PodName, Option<Aim>)],
        trigger: Option<Instant>,
    ) -> Result<Vec<Landing>, Stopped> {
        let cast = self.cast;
        // The bound is not measured from the frame that was seen last.
        cast.last_seen.take();
        let pods = aimed.iter().map(|(pod, _)| cast.slot.pod(pod));
        let pods: Vec<_> = pods.collect::<Result<_, _>>()?;
        let aims = aimed.iter().map(|(_, aim)| aim.as_ref());
        let doomed: Vec<_> = pods.iter().zip(aims).collect();
        Ok(cast.nemesis.kill_together(&doomed, trigger).await?)
    }

    /// Tells an owner to stop; returns at once.
    pub async fn terminate(self, owner: &Aim) -> Result<(), Stopped> {
        self.terminate_pod(&owner.owner, Some(owner)).await
    }

    /// Tells a pod to stop, whatever it owns; returns at once.
    pub async fn terminate_pod(self, pod: &PodName, aim: Option<&Aim>) -> Result<(), Stopped> {
        let handle = self.cast.slot.pod(pod)?;
        self.cast.nemesis.terminate(&handle, aim).await?;
        self.cast.stopping_since.push((pod.clone(), Instant::now()));
        Ok(())
    }

    /// Waits until a terminated pod is gone; its exit code.
    pub async fn gone(self, pod: &PodName) -> Result<i64, Stopped> {
        let handle = self.cast.slot.pod(pod)?;
        let since = self
            .cast
            .stopping_since
            .iter()
            .rfind(|(p, _)| p == pod)
            .map_or_else(Instant::now, |(_, at)| *at);
        let bound = self.cast.slot.api.system().within(Bound::Drain) + Duration::from_secs(5);
        Ok(self.cast.nemesis.gone(&handle, bound, since).await?)
    }

    /// Freezes an owner.
    pub async fn pause(self, owner: &Aim) -> Result<(), Stopped> {
        let handle = self.cast.slot.pod(&owner.owner)?;
        let trigger = self.cast.last_seen.take();
        self.cast.nemesis.pause(&handle, Some(owner), trigger).await?;
        Ok(())
    }

    /// Freezes a pod, whatever it owns.
    pub async fn pause_pod(self, pod: &PodName) -> Result<(), Stopped> {
        let handle = self.cast.slot.pod(pod)?;
        // Nothing that was seen before sets off a fault that comes later.
        self.cast.last_seen.take();
        self.cast.nemesis.pause(&handle, None, None).await?;
        Ok(())
    }

    /// Lets a frozen owner go on.
    pub async fn resume(self, owner: &Aim) -> Result<(), Stopped> {
        self.resume_pod(&owner.owner).await
    }

    /// Lets a frozen pod go on.
    pub async fn resume_pod(self, pod: &PodName) -> Result<(), Stopped> {
        let handle = self.cast.slot.pod(pod)?;
        self.cast.nemesis.resume(&handle).await?;
        self.cast.poll_healthy_pods().await;
        Ok(())
    }

    /// Starts a pod that is gone, and waits until it is ready.
    pub async fn start(self, pod: &PodName) -> Result<(), Stopped> {
        self.start_together(std::slice::from_ref(pod)).await
    }

    /// Starts pods that are gone, all at once, and waits until each is ready. One that does not get there ends the play:
    /// what that means is for the judge.
    pub async fn start_together(self, pods: &[PodName]) -> Result<(), Stopped> {
        let cast = self.cast;
        let handles: Vec<PartHandle> = pods.iter().map(|pod| cast.slot.pod(pod)).collect::<Result<_, _>>()?;
        for pod in pods {
            cast.nemesis.healing(pod);
        }
        let started = join_all(handles.iter().map(PartHandle::start)).await;
        for (pod, started) in pods.iter().zip(started) {
            started.map_err(|e| not_started(pod, &e))?;
            cast.nemesis.healed(pod);
            // Its new life begins to count anew.
            cast.superseded_before.remove(pod);
        }
        cast.poll_healthy_pods().await;
        Ok(())
    }

    // --- links

    /// Lets a fault loose on a link of an owner. One that waits for data has landed only when [`NemesisSide::cut_landed`]
    /// says so.
    pub async fn cut(self, owner: &Aim, link: Link, way: Way, fault: LinkFault) -> Result<LinkCut, Stopped> {
        let handle = self.cast.slot.pod(&owner.owner)?;
        let (links, trigger) = (self.cast.slot.links(), self.cast.last_seen.take());
        let what = (link, way, &fault);
        let cut = self.cast.nemesis.cut_link(&links, &handle, what, Some(owner), trigger);
        Ok(cut.await?)
    }

    /// Lets a fault loose on a link of a pod, whatever it owns.
    pub async fn cut_of(self, pod: &PodName, link: Link, way: Way, fault: LinkFault) -> Result<LinkCut, Stopped> {
        let handle = self.cast.slot.pod(pod)?;
        let (links, trigger) = (self.cast.slot.links(), self.cast.last_seen.take());
        let what = (link, way, &fault);
        let cut = self.cast.nemesis.cut_link(&links, &handle, what, None, trigger);
        Ok(cut.await?)
    }

    /// Waits until something has come of a fault that waits for data.
    pub async fn cut_landed(self, cut: &LinkCut) -> Result<(), Stopped> {
        let links = self.cast.slot.links();
        self.cast.nemesis.link_cut_landed(&links, cut, None, LANDING).await?;
        Ok(())
    }

    /// Takes a fault off its link.
    pub async fn mend_link(self, cut: &LinkCut) -> Result<(), Stopped> {
        let links = self.cast.slot.links();
        self.cast.nemesis.mend_link(&links, cut).await?;
        Ok(())
    }

    // --- places between two steps of a pod

    /// Lets each of the pods hold the next task that comes to a failpoint, at work on `thread` where one is named.
    pub async fn arm(self, pods: &[PodName], point: Failpoint, thread: Option<&ThreadId>) -> Result<Armed, Stopped> {
        let cast = self.cast;
        let handles: Vec<PartHandle> = pods.iter().map(|pod| cast.slot.pod(pod)).collect::<Result<_, _>>()?;
        // Nothing that was seen before sets off a fault that comes later.
        cast.last_seen.take();
        Ok(cast.nemesis.arm(&handles, point, thread).await?)
    }

    /// Lets a pod, which runs, hold at a failpoint in its next life: what it passes as it starts it passes too early to be
    /// armed then.
    pub async fn arm_next_life(self, pod: &PodName, point: Failpoint) -> Result<Armed, Stopped> {
        let handle = self.cast.slot.pod(pod)?;
        Ok(self.cast.nemesis.arm_next_life(&[handle], point).await?)
    }

    /// Waits until one of the armed pods holds, and disarms the others.
    pub async fn holds(self, armed: Armed) -> Result<Held, Stopped> {
        let grace = match armed.point() {
            Failpoint::InsideDrain => self.cast.slot.api.system().within(Bound::Drain),
            _ => Duration::ZERO,
        };
        let held = self.cast.nemesis.held(armed, BEGIN + grace).await?;
        self.cast.last_seen.note(held.seen);
        Ok(held)
    }

    /// Kills a pod where it holds; it is dead when this returns.
    pub async fn kill_held(self, held: &Held) -> Result<(), Stopped> {
        self.kill_pod(&held.pod, held.aim.as_ref()).await
    }

    /// Lets a pod go on from where it holds.
    pub async fn release(self, held: &Held) -> Result<(), Stopped> {
        let handle = self.cast.slot.pod(&held.pod)?;
        Ok(self.cast.nemesis.release(&handle, held.point).await?)
    }

    /// Lets a frozen owner that holds at a failpoint go on from there. The order is sent while it is frozen, so that it hears
    /// it with whatever else has come meanwhile.
    pub async fn resume_held(self, owner: &Aim, point: Failpoint) -> Result<(), Stopped> {
        let handle = self.cast.slot.pod(&owner.owner)?;
        self.cast.nemesis.resume_and_release(&handle, point).await?;
        Ok(())
    }

    // --- volumes

    /// Fills the volume on which a pod keeps what it has acknowledged and not stored.
    pub async fn fill_disk(self, pod: &PodName) -> Result<(), Stopped> {
        let handle = self.cast.slot.pod(pod)?;
        let folder = self.cast.takes_feedback()?.spool.clone();
        let folder = folder.ok_or_else(|| Stopped::GaveUp("feedback.spool is not said".to_owned()))?;
        // Nothing that was seen before sets off a fault that comes later.
        self.cast.last_seen.take();
        self.cast.nemesis.fill_disk(&handle, &folder).await?;
        Ok(())
    }

    /// Takes away what fills a pod's volume, and sees that there is room again.
    pub async fn free_disk(self, pod: &PodName) -> Result<(), Stopped> {
        let handle = self.cast.slot.pod(pod)?;
        Ok(self.cast.nemesis.free_disk(&handle).await?)
    }

    /// Sets a pod's clock right.
    pub async fn set_clock_right(self, pod: &PodName) -> Result<(), Stopped> {
        let handle = self.cast.slot.pod(pod)?;
        Ok(self.cast.nemesis.set_clock_right(&handle).await?)
    }

    // --- what pods may use

    /// Gives a pod all of its processor again.
    pub async fn end_throttling(self, pod: &PodName) -> Result<(), Stopped> {
        let handle = self.cast.slot.pod(pod)?;
        Ok(self.cast.nemesis.end_throttling(&handle).await?)
    }

    /// Allows a pod as many descriptors as before, and sees it answer.
    pub async fn give_descriptors_back(self, pod: &PodName) -> Result<(), Stopped> {
        let handle = self.cast.slot.pod(pod)?;
        Ok(self.cast.nemesis.give_descriptors_back(&handle).await?)
    }

    // --- versions

    /// Starts another version in the place of a pod that was terminated and is gone; it serves when this returns.
    pub async fn roll_out(self, pod: &PodName, version: &str) -> Result<(), Stopped> {
        let cast = self.cast;
        let (handle, release) = (cast.slot.pod(pod)?, release(cast)?);
        cast.nemesis.roll_out(&handle, &release, version).await?;
        cast.poll_healthy_pods().await;
        Ok(())
    }

    /// Tells a pod of another version to stop, and starts the one from before in its place once it is gone; that serves when
    /// this returns. Says which version it is.
    pub async fn roll_back(self, pod: &PodName) -> Result<String, Stopped> {
        let cast = self.cast;
        let (handle, release) = (cast.slot.pod(pod)?, release(cast)?);
        if handle.address().is_some() {
            NemesisSide { cast: &mut *cast }.terminate_pod(pod, None).await?;
            NemesisSide { cast: &mut *cast }.gone(pod).await?;
        }
        let version = cast.nemesis.roll_back(&handle, &release).await?;
        cast.poll_healthy_pods().await;
        Ok(version)
    }

    /// Kills every pod of another version, and starts the one from before in its place.
    pub(in crate::run) async fn undo_roll_outs(self) -> Result<(), Stopped> {
        let cast = self.cast;
        for pod in cast.nemesis.of_another_version() {
            let (handle, release) = (cast.slot.pod(&pod)?, release(cast)?);
            if handle.address().is_some() {
                NemesisSide { cast: &mut *cast }.kill_pod(&pod, None).await?;
            }
            cast.nemesis.roll_back(&handle, &release).await?;
        }
        Ok(())
    }
}

fn release(cast: &Cast) -> Result<Version, Stopped> {
    let version = cast.slot.api.system().description.pods.version.clone();
    version.ok_or_else(|| Stopped::Harness("the system's description has no [pods.version]".to_owned()))
}

/// The system's part of a role.
pub(in crate::run) fn part_of(cast: &Cast, role: Role) -> Result<PartHandle, Stopped> {
    cast.slot.part(role)
}

pub(in crate::run) fn database(cast: &Cast) -> Result<String, Stopped> {
    let url = cast.slot.cluster.postgres_url();
    url.map_err(|e| Stopped::Harness(e.to_string()))
}

/// A pod that ends or does not get ready is the system's doing; an engine that refuses is not.
fn not_started(pod: &PodName, error: &ClusterError) -> Stopped {
    let what = format!("{pod} did not start again: {error}");
    match error {
        ClusterError::Died { .. } | ClusterError::NotReady { .. } => Stopped::GaveUp(what),
        _ => Stopped::Harness(what),
    }
}

impl Cast {
    // --- what breaks

    /// The nemesis.
    pub fn nemesis(&mut self) -> NemesisSide<'_> {
        NemesisSide { cast: self }
    }
}
