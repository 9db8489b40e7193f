//! The owner gets SIGTERM and its turn outlasts the grace: the pod must refuse new work at once, go on with what it
//! has, hand the rest over and be gone in time. Survivors look for the dead by a sign that a graceful stop may take away.
//! Catches: sigterm-deletes-liveness-row, stop-nulls-owner, drain-sleep-eats-grace.

use std::time::Duration;

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn owner_terminated_mid_answer(c: &mut Cast) -> Played {
    // 80 tokens at 100 ms outlast the grace of 5 s; the call after the hand-over answers at once.
    let turn = c
        .post(
            Pod::first(),
            Answer::tokens(80).first_call_paced(Duration::from_millis(100)),
        )
        .await?;
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
    // A second call is made only for a turn that its first owner did not bring to an end.
    c.provider().second_call(&turn).await?;
    c.evidence("the turn was handed over", true);
    c.settled(&turn).await?;
    Ok(())
}
