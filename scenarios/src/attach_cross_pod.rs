//! A client attaches to a pod that does not own the turn, after the model has begun to talk. A pod that decides what to
//! replay by what it runs itself shows such a client only what comes next.
//! Catches: attach-policy-from-local-registry.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn attach_cross_pod(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    let owner = c.owner_of(&turn).await?;
    let early = c.attach(&owner.owner, &turn, "on-owner").await?;
    early.reaches(3).await?; // proven to be buffered, not slept for
    let tails = c.attach_on_every_pod(&turn).await?;
    c.evidence("tails opened with 3 tokens buffered", early.tokens() == 3);
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    drop(tails);
    Ok(())
}
