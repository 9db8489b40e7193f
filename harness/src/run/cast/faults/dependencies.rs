//! Faults of the parts that pods depend on, and pods that start without one of them.

use std::time::Duration;

use super::{NemesisSide, STOP, database, not_started, part_of};
use crate::cluster::{ClusterError, PartHandle, READY_BOUND};
use crate::history::PodName;
use crate::nemesis::{Link, LinkFault, Role, Way};
use crate::run::cast::Cast;
use crate::run::cast::promised::is_yes;
use crate::run::cast::turn::LOOK;
use crate::run::stopped::Stopped;
use crate::wait::{self, Look};

/// How long a pod may take from its start until it answers at all.
const UP: Duration = Duration::from_secs(8);

impl NemesisSide<'_> {
    /// Starts a pod that is gone and kills it while it boots: once it has asked the database for something. Nothing comes back
    /// from there until the pod is dead, so it cannot have been ready.
    pub async fn crash_at_boot(self, pod: &PodName) -> Result<(), Stopped> {
        let cast = self.cast;
        let (handle, links) = (cast.slot.pod(pod)?, cast.slot.links());
        cast.last_seen.take();
        let what = (Link::Postgres, Way::Both, &LinkFault::Blackhole);
        let cut = cast.nemesis.cut_link_ahead(&links, &handle, what).await?;
        handle.begin_start().await.map_err(|e| not_started(pod, &e))?;
        cast.nemesis.link_cut_landed(&links, &cut, None, READY_BOUND).await?;
        cast.nemesis.kill(&handle, None, None).await?;
        cast.nemesis.mend_link(&links, &cut).await?;
        Ok(())
    }

    /// Starts a pod that is gone while a dependency is gone too, mends that once the pod is up and says what it lacks, and
    /// leaves it to the pod to find it.
    pub async fn start_before(self, pod: &PodName, dependency: Role) -> Result<(), Stopped> {
        let cast = self.cast;
        let handle = cast.slot.pod(pod)?;
        cast.nemesis.healing(pod);
        let what = format!("{pod} to be up without {dependency}");
        // Its start is over only when it is ready, which it should not be before the dependency is.
        tokio::select! {
            is_up = is_up_unready(cast, &handle, &what) => is_up?,
            started = handle.start() => drop(started.map_err(|e| not_started(pod, &e))?),
        }
        cast.nemesis.healed(pod);
        NemesisSide { cast }.mend(dependency).await
    }

    // --- what pods depend on

    /// Kills a dependency; it is dead when this returns.
    pub async fn crash(self, dependency: Role) -> Result<(), Stopped> {
        let handle = part_of(self.cast, dependency)?;
        self.cast.nemesis.kill(&handle, None, None).await?;
        Ok(())
    }

    /// Stops a dependency in good order; it is gone when this returns.
    pub async fn stop(self, dependency: Role) -> Result<(), Stopped> {
        let handle = part_of(self.cast, dependency)?;
        self.cast.nemesis.stop(&handle, STOP).await?;
        Ok(())
    }

    /// Freezes a dependency: its connections stay, and no answer comes on them.
    pub async fn freeze(self, dependency: Role) -> Result<(), Stopped> {
        let handle = part_of(self.cast, dependency)?;
        self.cast.nemesis.pause(&handle, None, None).await?;
        Ok(())
    }

    /// Lets a frozen dependency go on.
    pub async fn thaw(self, dependency: Role) -> Result<(), Stopped> {
        let handle = part_of(self.cast, dependency)?;
        self.cast.nemesis.resume(&handle).await?;
        self.cast.poll_healthy_pods().await;
        Ok(())
    }

    /// Empties the database, as a service finds it on its first day. No pod may run.
    pub async fn empty_database(self) -> Result<(), Stopped> {
        let handle = part_of(self.cast, Role::Postgres)?;
        let url = database(self.cast)?;
        self.cast.nemesis.empty(&handle, &url).await?;
        Ok(())
    }

    /// Gives the database back what it held. Pods that run by now are killed: they know another database.
    pub async fn refill_database(self) -> Result<(), Stopped> {
        let cast = self.cast;
        let mut running = cast.pods();
        running.retain(|pod| cast.slot.address(pod).is_ok());
        NemesisSide { cast }.kill_together(&running).await?;
        let handle = part_of(cast, Role::Postgres)?;
        let url = database(cast)?;
        Ok(cast.nemesis.refill(&handle, &url).await?)
    }

    /// Starts a dependency that is gone, and waits until it serves again.
    pub async fn mend(self, dependency: Role) -> Result<(), Stopped> {
        let handle = part_of(self.cast, dependency)?;
        let target = PodName::from(handle.service());
        self.cast.nemesis.healing(&target);
        let harness =
            |e: ClusterError| Stopped::Harness(format!("{} could not be started again: {e}", handle.service()));
        handle.start().await.map_err(harness)?;
        self.cast.slot.find_again().await.map_err(harness)?;
        self.cast.nemesis.healed(&target);
        self.cast.poll_healthy_pods().await;
        Ok(())
    }
}

/// Waits until a pod that was just started answers, and says that it cannot serve.
async fn is_up_unready(cast: &Cast, pod: &PartHandle, what: &str) -> Result<(), Stopped> {
    let is_up = wait::until(what, UP, LOOK, || {
        let at = pod.address();
        let api = &cast.slot.api;
        async move {
            let Some(at) = at else {
                return Look::NotYet("it listens nowhere".to_owned());
            };
            match api.ready(at).await {
                Ok((status, _)) if !is_yes(status) => Look::Done(()),
                Ok((status, body)) => Look::NotYet(format!("{status} {body}")),
                Err(seen) => Look::NotYet(seen),
            }
        }
    });
    Ok(is_up.await?)
}
