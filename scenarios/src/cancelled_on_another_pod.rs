//! A user stops an answer through a pod that does not own it. The owner must stop within the bound, and hang up on the
//! provider: what nobody will read must not be paid for.
//! Catches: cancel-is-pod-local.

use crosspod::history::Status;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn cancelled_on_another_pod(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(20).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    let elsewhere = c.survivor_of(&owner);
    c.on_record(&turn, Status::InProgress).await?;
    c.cancel(&elsewhere, &turn).await?;
    c.evidence(
        "the cancel was taken by a pod that does not own the turn",
        elsewhere != owner.owner,
    );
    c.provider().abandoned(&turn, 1).await?;
    c.settled(&turn).await?;
    Ok(())
}
