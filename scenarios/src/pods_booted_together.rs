//! Every pod is gone, and all of them boot at the same moment: each finds the same schema to check, the same stream to make
//! and the same queue to serve. None may fall over another.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn pods_booted_together(c: &mut Cast) -> Played {
    let before = c.post(Pod::first(), Answer::tokens(4)).await?;
    c.settled(&before).await?;
    let pods = c.pods();
    c.nemesis().kill_together(&pods).await?;
    c.nemesis().start_together(&pods).await?;
    c.evidence("all pods booted together", true);
    let after = c.post(Pod::second(), Answer::tokens(6).gate_after(0)).await?;
    let tails = c.attach_on_every_pod(&after).await?;
    c.provider().open_gate(&after).await?;
    tails.each_reach(6).await?;
    c.settled(&after).await?;
    Ok(())
}
