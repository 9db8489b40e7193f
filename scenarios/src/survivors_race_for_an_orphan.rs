//! The owner dies, and more than one survivor finds its turn. One of them gets it, and it stays with that one while the
//! answer comes: a second claim would have the model paid twice and two pods writing.
//! Catches: claim-any-survivor.

use std::time::Duration;

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn survivors_race_for_an_orphan(c: &mut Cast) -> Played {
    // The heir's answer takes over a second: a survivor that comes late still finds the turn in progress.
    let turn = c
        .post(Pod::first(), Answer::tokens(20).paced(Duration::from_millis(60)))
        .await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    c.nemesis().kill(&owner).await?;
    c.provider().second_call(&turn).await?;
    c.evidence("the turn was taken over and not over yet", !c.is_over(&turn).await?);
    c.settled(&turn).await?;
    Ok(())
}
