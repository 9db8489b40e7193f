//! The owner gets SIGTERM and its turn outlasts the grace: the pod must refuse new work at once, go on with what it
//! has, hand the rest over and be gone in time. Survivors look for the dead by a sign that a graceful stop may take away.
//! Catches: sigterm-deletes-liveness-row, stop-nulls-owner, drain-sleep-eats-grace, drain-shorter-than-turn,
//! drain-writes-terminal, drain-drops-in-flight.

use crosspod::plan::Pod;
use crosspod::run::{Cast, Played};

use crate::common::outlasting_a_drain;

pub(crate) async fn owner_terminated_mid_answer(c: &mut Cast) -> Played {
    let answer = outlasting_a_drain(c);
    let turn = c.post(Pod::first(), answer).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    c.nemesis().terminate(&owner).await?;
    let refused = c.refuses_posts(&owner.owner).await?;
    let Some(on_owner) = tails.on(&owner.owner) else {
        return Ok(());
    };
    let before = on_owner.tokens();
    on_owner.reaches(before + 5).await?; // it goes on with what it has
    c.evidence("the owner drained while the turn ran", refused);
    c.nemesis().gone(&owner.owner).await?;
    // A survivor may have ended the turn by now. A turn that is over after one call was ended by its owner, however late.
    if c.is_over(&turn).await? && c.provider().calls(&turn).await? < 2 {
        return Ok(());
    }
    c.provider().second_call(&turn).await?;
    c.evidence("the turn was handed over", true);
    c.settled(&turn).await?;
    Ok(())
}
