//! A client closes its tab in the middle of an answer, on the pod that owns the turn. The answer is everybody's: it goes on to
//! its end, for those who still watch and for those who come back.
//! Catches: abort-on-watcher-leave.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn watcher_leaves_mid_answer(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    let leaver = c.attach(&owner.owner, &turn, "leaves").await?;
    leaver.reaches(3).await?;
    c.leave(leaver).await?;
    // The owner acts on the loss, if at all, before the answer goes on.
    c.lease_passes().await;
    c.evidence("a watcher left while the turn ran", !c.is_over(&turn).await?);
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}
