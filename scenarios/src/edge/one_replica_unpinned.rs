//! One replica and no affinity, as in a preview: the pool holds one pod, nobody is pinned, and everything works.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};
use crosspod::system::parts::Affinity;

pub(crate) async fn one_replica_unpinned(c: &mut Cast) -> Played {
    let (entry, only) = (c.entry_by(Affinity::Cookie)?, c.pod(Pod::first()));
    let others: Vec<_> = c.pods().into_iter().filter(|pod| *pod != only).collect();
    for pod in &others {
        c.nemesis().terminate_pod(pod, None).await?;
    }
    for pod in &others {
        c.nemesis().gone(pod).await?;
    }
    c.pool_holds(std::slice::from_ref(&only), &entry).await?;
    c.edge().pin_nobody().await?;
    let client = c.edge_client(&entry)?;
    let turn = c.post_by(&client, Answer::tokens(8).gate_after(3)).await?;
    let watcher = c.attach_by(&client, &turn, "preview").await?;
    watcher.reaches(3).await?;
    c.evidence("one pod served without affinity", watcher.pod() == only);
    let again = c.come_back_by(&watcher, &turn).await?;
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    drop(again);
    c.edge().pin_again().await?;
    c.nemesis().start_together(&others).await?;
    let pods = c.pods();
    c.pool_holds(&pods, &entry).await?;
    Ok(())
}
