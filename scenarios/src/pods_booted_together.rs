//! The first day: every pod is gone, the database holds nothing, and all pods boot at the same moment. Each finds no schema
//! where its peers find none either, the same stream to make and the same queue to serve; none may fall over another. Then
//! the same again on the database as it was.
//! Catches: parallel-migrations.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn pods_booted_together(c: &mut Cast) -> Played {
    let before = c.post(Pod::first(), Answer::tokens(4)).await?;
    c.settled(&before).await?;
    let pods = c.pods();
    c.nemesis().kill_together(&pods).await?;
    c.nemesis().empty_database().await?;
    c.nemesis().start_together(&pods).await?;
    c.evidence("all pods booted together on an empty database", true);
    c.nemesis().refill_database().await?;
    c.nemesis().start_together(&pods).await?;
    let after = c.post(Pod::second(), Answer::tokens(6).gate_after(0)).await?;
    let tails = c.attach_on_every_pod(&after).await?;
    c.provider().open_gate(&after).await?;
    tails.each_reach(6).await?;
    c.settled(&after).await?;
    Ok(())
}
