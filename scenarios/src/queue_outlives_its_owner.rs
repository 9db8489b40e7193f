//! Four messages are in one thread when the pod that answers the first of them dies. Nobody owns the three that wait: they
//! must neither be lost, nor overtake, nor be answered side by side.
//! Catches: queue-takes-newest.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn queue_outlives_its_owner(c: &mut Cast) -> Played {
    let first = c.post(Pod::first(), Answer::tokens(8).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&first).await?;
    tails.each_reach(3).await?;
    let second = c.post(Pod::second(), Answer::tokens(5)).await?;
    let third = c.post(Pod::nth(2), Answer::tokens(4)).await?;
    let fourth = c.post(Pod::first(), Answer::tokens(3)).await?;
    let owner = c.owner_of(&first).await?;
    c.nemesis().kill(&owner).await?;
    c.evidence(
        "three messages waited when the owner died",
        !c.is_over(&second).await? && !c.is_over(&third).await? && !c.is_over(&fourth).await?,
    );
    c.provider().second_call(&first).await?;
    c.provider().open_gate(&first).await?;
    for turn in [&first, &second, &third, &fourth] {
        c.settled(turn).await?;
    }
    Ok(())
}
