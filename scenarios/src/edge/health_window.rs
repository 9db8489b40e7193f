//! How long the edge takes to find out: from a pod's SIGKILL and from its SIGTERM until no new client is led to it, and from its
//! return until one is. All of it must lie within the window that the description claims; the figures say how far.

use crosspod::plan::Pod;
use crosspod::run::{Cast, Played};
use crosspod::system::parts::Affinity;

pub(crate) async fn health_window(c: &mut Cast) -> Played {
    let (entry, pod) = (c.entry_by(Affinity::Cookie)?, c.pod(Pod::first()));
    c.nemesis().kill_pod(&pod, None).await?;
    c.out_of_the_pool(&pod, &entry).await?;
    c.nemesis().start(&pod).await?;
    c.back_in_the_pool(&pod, &entry).await?;
    c.evidence("a pod that was killed left the pool and came back", true);
    c.nemesis().terminate_pod(&pod, None).await?;
    c.out_of_the_pool(&pod, &entry).await?;
    c.nemesis().gone(&pod).await?;
    c.nemesis().start(&pod).await?;
    c.back_in_the_pool(&pod, &entry).await?;
    c.evidence("a pod that drained left the pool and came back", true);
    Ok(())
}
