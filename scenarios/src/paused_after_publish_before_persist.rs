//! An owner is frozen past its lease between showing a piece of the answer and storing it, and wakes with that piece in its
//! hand: the next thing it does is to store it, under an epoch that is over. Nothing of it may get in.
//! Catches: no-fencing.

use crosspod::history::Bound;
use crosspod::nemesis::Failpoint;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn paused_after_publish_before_persist(c: &mut Cast) -> Played {
    const POINT: Failpoint = Failpoint::AfterPublishBeforePersist;
    let turn = c.post(Pod::first(), Answer::tokens(20).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    let armed = c
        .nemesis()
        .arm(std::slice::from_ref(&owner.owner), POINT, Some(&owner.thread))
        .await?;
    c.provider().open_gate_through(&turn, 5).await?;
    c.nemesis().holds(armed).await?;
    tails.each_reach(4).await?; // shown
    c.nemesis().pause(&owner).await?;
    let heir = c.taken_over(&turn, &owner, c.patience(Bound::Takeover)).await?;
    c.evidence(
        "the owner held at after-publish-before-persist and was frozen there",
        heir != owner,
    );
    c.provider().held(&turn, 2).await?;
    c.attach(&heir.owner, &turn, "on-heir").await?.reaches(3).await?;
    let woken = c.now();
    c.nemesis().resume_held(&owner, POINT).await?;
    c.acts_on_its_loss(&owner, woken).await?;
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}
