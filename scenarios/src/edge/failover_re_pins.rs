//! The pod of a pinned client dies in the middle of an answer. The edge finds out by its health check, leads the client to another pod
//! and pins it there; the client's stream goes on from where it was.
//! Catches: sticky-to-dead-pod.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};
use crosspod::system::parts::Affinity;

pub(crate) async fn failover_re_pins(c: &mut Cast) -> Played {
    let (entry, pod) = (c.entry_by(Affinity::Cookie)?, c.pod(Pod::first()));
    let client = c.client_on(&pod, &entry).await?;
    let turn = c.post_by(&client, Answer::tokens(12).gate_after(3)).await?;
    let watcher = c.attach_by(&client, &turn, "pinned").await?;
    watcher.reaches(3).await?;
    c.evidence("a pinned client watched the pod that died", watcher.pod() == pod);
    c.nemesis().kill_pod(&pod, None).await?;
    let heir = c.re_pinned(&client, &pod).await?;
    c.evidence("the client was served by another pod", heir != pod);
    c.come_back_by(&watcher, &turn).await?;
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    c.served(&client).await?;
    // Once the edge must know of the death, nobody may be led to the dead pod.
    c.health_window_passes().await?;
    c.served(&client).await?;
    c.nemesis().start(&pod).await?;
    c.back_in_the_pool(&pod, &entry).await?;
    // The pod is back, and nobody who was pinned elsewhere is taken back.
    c.served(&client).await?;
    Ok(())
}
