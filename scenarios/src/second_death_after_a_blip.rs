//! An owner dies and is taken over; then the broker is gone for a moment; then the new owner dies. What noticed the first
//! death must notice the second, though a connection was lost and made again in between.
//! Catches: death-callback-lost-on-reconnect.

use crosspod::history::Bound;
use crosspod::nemesis::Role;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn second_death_after_a_blip(c: &mut Cast) -> Played {
    let takeover = c.patience(Bound::Takeover);
    let first = c.post(Pod::first(), Answer::tokens(8).gate_after(3)).await?;
    c.attach_on_every_pod(&first).await?.each_reach(3).await?;
    let owner = c.owner_of(&first).await?;
    c.nemesis().kill(&owner).await?;
    let heir = c.taken_over(&first, &owner, takeover).await?;
    c.provider().held(&first, 2).await?;
    c.provider().open_gate(&first).await?;
    c.settled(&first).await?;

    c.nemesis().crash(Role::Nats).await?;
    c.nemesis().mend(Role::Nats).await?;
    c.evidence("a death was noticed before the blip", heir != owner);

    // One pod is dead for good, and no other is started: nobody's connections are new.
    let second = c.post_through(&heir.owner, Answer::tokens(8).gate_after(3)).await?;
    let watcher = c.attach(&heir.owner, &second, "after-blip").await?;
    watcher.reaches(3).await?;
    let owner = c.owner_of(&second).await?;
    c.nemesis().kill(&owner).await?;
    c.evidence("the owner died after the blip", true);
    c.taken_over(&second, &owner, takeover).await?;
    c.provider().held(&second, 2).await?;
    c.provider().open_gate(&second).await?;
    c.settled(&second).await?;
    Ok(())
}
