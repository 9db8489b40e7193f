//! The zombie: the owner is frozen past its lease, a survivor takes over, and the old owner wakes with its sockets open and
//! tokens in its hand. Nothing that it writes may change what is stored or shown.
//! Catches: no-fencing, zombie-finalise.

use crosspod::history::Bound;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn owner_paused_past_its_lease(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(20).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    c.nemesis().pause(&owner).await?;
    let heir = c.taken_over(&turn, &owner, c.patience(Bound::Takeover)).await?;
    c.provider().held(&turn, 2).await?;
    let late = c.attach(&heir.owner, &turn, "on-heir").await?;
    late.reaches(3).await?;
    c.evidence("the turn was taken over while the owner was paused", heir != owner);
    // The old call gets its tokens while the owner sleeps: they wait in its socket for the moment it wakes.
    c.provider().open_gate_of_call(&turn, 1).await?;
    c.provider().sent(&turn, 1, 20).await?;
    c.evidence("the zombie had tokens to write", true);
    let woken = c.now();
    c.nemesis().resume(&owner).await?;
    c.acts_on_its_loss(&owner, woken).await?;
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}
