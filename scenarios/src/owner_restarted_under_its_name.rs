//! The owner gets SIGTERM with its turn unfinished, is gone, and is started again under its own name, and nobody else is
//! there to take over: the others are frozen. A pod that takes its former life for itself leaves the turn to an owner that
//! no longer exists.
//! Catches: same-name-restart-excluded.

use crosspod::history::Bound;
use crosspod::plan::Pod;
use crosspod::run::{Cast, Played};

use crate::common::outlasting_a_drain;

pub(crate) async fn owner_restarted_under_its_name(c: &mut Cast) -> Played {
    let answer = outlasting_a_drain(c);
    let turn = c.post(Pod::first(), answer).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    let others = c.survivors_of(&owner);
    for pod in &others {
        c.nemesis().pause_pod(pod).await?;
    }
    c.nemesis().terminate(&owner).await?;
    c.nemesis().gone(&owner.owner).await?;
    if c.is_over(&turn).await? {
        return Ok(()); // it has brought its turn to an end, however late: nothing is left for its next life
    }
    c.nemesis().start(&owner.owner).await?;
    let heir = c.taken_over(&turn, &owner, c.patience(Bound::Takeover)).await?;
    c.evidence("the owner's next life took the turn", heir.owner == owner.owner);
    c.provider().second_call(&turn).await?;
    for pod in &others {
        c.nemesis().resume_pod(pod).await?;
    }
    c.settled(&turn).await?;
    Ok(())
}
