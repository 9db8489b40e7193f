//! Each pod in turn is told to stop while it streams to a client that is pinned to it. It says so at once and is out of the pool within
//! two looks of the health check; the stream in flight goes on to its end, and nobody is shown a server's error.
//! Catches: healthz-ignores-drain, drain-drops-in-flight.

use crosspod::plan::Answer;
use crosspod::run::{Cast, Played};
use crosspod::system::parts::Affinity;

use crate::common::is_in_good_order;

pub(crate) async fn each_pod_drained(c: &mut Cast) -> Played {
    let entry = c.entry_by(Affinity::Cookie)?;
    let (mut streaming, mut in_good_order) = (0, 0);
    for pod in c.pods() {
        let client = c.client_on(&pod, &entry).await?;
        let turn = c.post_by(&client, Answer::tokens(9).gate_after(3)).await?;
        let watcher = c.attach_by(&client, &turn, "in-flight").await?;
        watcher.reaches(3).await?;
        streaming += u32::from(watcher.pod() == pod);
        c.nemesis().terminate_pod(&pod, None).await?;
        c.out_of_the_pool(&pod, &entry).await?;
        c.served(&client).await?;
        c.provider().open_gate(&turn).await?;
        c.settled(&turn).await?;
        in_good_order += u32::from(is_in_good_order(c.nemesis().gone(&pod).await?));
        c.nemesis().start(&pod).await?;
        c.back_in_the_pool(&pod, &entry).await?;
    }
    let pods = u32::try_from(c.pods().len()).unwrap_or(u32::MAX);
    c.evidence(
        "every pod was told to stop while it streamed to a pinned client",
        streaming == pods,
    );
    c.evidence("every pod left in good order", in_good_order == pods);
    Ok(())
}
