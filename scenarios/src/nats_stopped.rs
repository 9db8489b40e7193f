//! The broker is stopped. A pod that cannot serve must say so, or the load balancer sends clients there. It must serve
//! again once the broker is back, with no help.
//! Catches: ready-while-dependency-down.

use crosspod::nemesis::Role;
use crosspod::run::{Cast, Played};

pub(crate) async fn nats_stopped(c: &mut Cast) -> Played {
    stopped(c, Role::Nats).await
}

/// A part that pods need to be ready is stopped, and comes back.
pub(crate) async fn stopped(c: &mut Cast, needed: Role) -> Played {
    c.every_pod_serves().await?;
    c.nemesis().stop(needed).await?;
    c.every_pod_says_it_cannot_serve().await?;
    c.evidence("every pod said that it cannot serve", true);
    c.nemesis().mend(needed).await?;
    c.every_pod_serves().await?;
    c.evidence("every pod served again", true);
    Ok(())
}
