//! A pod boots before the broker does. Once both are there the pod must serve, without a second boot.
//! Catches: stream-client-cached-null.

use crosspod::nemesis::Role;
use crosspod::plan::Pod;
use crosspod::run::{Cast, Played};

pub(crate) async fn pod_boots_before_nats(c: &mut Cast) -> Played {
    let pod = c.pod(Pod::first());
    c.nemesis().kill_together(std::slice::from_ref(&pod)).await?;
    c.nemesis().crash(Role::Nats).await?;
    c.nemesis().start_before(&pod, Role::Nats).await?;
    c.evidence("a pod was up before the broker", true);
    c.every_pod_serves().await?;
    Ok(())
}
