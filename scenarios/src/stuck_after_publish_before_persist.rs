//! An owner gets stuck between showing a piece of the answer and storing it, while its heart goes on beating: nobody may
//! wait for it for ever, and it must let go of what was taken from it.
//! Catches: one-hung-turn-blocks-thread.

use crosspod::history::Bound;
use crosspod::nemesis::Failpoint;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn stuck_after_publish_before_persist(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(20).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    let armed = c
        .nemesis()
        .arm(
            std::slice::from_ref(&owner.owner),
            Failpoint::AfterPublishBeforePersist,
            Some(&owner.thread),
        )
        .await?;
    c.provider().open_gate_through(&turn, 5).await?;
    let held = c.nemesis().holds(armed).await?;
    tails.each_reach(4).await?; // shown
    let bound = c.bound(Bound::Progress) + c.patience(Bound::Takeover);
    let heir = c.taken_over(&turn, &owner, bound).await?;
    c.evidence(
        "the owner held at after-publish-before-persist until it was taken over",
        heir != owner && held.turn.as_ref() == Some(&turn.id),
    );
    c.provider().second_call(&turn).await?;
    c.nemesis().release(&held).await?;
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}
