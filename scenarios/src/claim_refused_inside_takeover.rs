//! The owner is dead, and the database takes no writes in the moment in which the only survivor claims its turn. The claim fails;
//! once the database takes writes again the turn must be claimed after all.
//! Catches: orphan-tried-once.

use crosspod::history::Bound;
use crosspod::nemesis::Failpoint;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn claim_refused_inside_takeover(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    let mut bystanders = c.survivors_of(&owner);
    let heir = bystanders.remove(0);
    c.nemesis().kill_together(&bystanders).await?;
    let armed = c
        .nemesis()
        .arm(
            std::slice::from_ref(&heir),
            Failpoint::AfterLookBeforeClaim,
            Some(&owner.thread),
        )
        .await?;
    c.nemesis().kill(&owner).await?;
    let held = c.nemesis().holds(armed).await?;
    c.nemesis().forbid_writes().await?;
    c.nemesis().release(&held).await?;
    c.lease_passes().await;
    let still_its_own = c.owner_of(&turn).await? == owner;
    c.evidence("the claim was tried while the database took no writes", still_its_own);
    c.nemesis().let_write().await?;
    // A pod whose own heartbeats failed judges nobody by age until a lease has passed.
    let bound = c.bound(Bound::Lease) + c.patience(Bound::Takeover);
    c.taken_over(&turn, &owner, bound).await?;
    c.provider().second_call(&turn).await?;
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}
