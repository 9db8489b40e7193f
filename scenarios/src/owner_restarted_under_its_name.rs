//! The owner gets SIGTERM with its turn unfinished, is gone, and is started again under its own name, and nobody else is
//! there to take over: the others are frozen. A pod that takes its former life for itself leaves the turn to an owner that
//! no longer exists.
//! Catches: same-name-restart-excluded.

use std::time::Duration;

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn owner_restarted_under_its_name(c: &mut Cast) -> Played {
    // 80 tokens at 100 ms outlast the grace of 5 s; the call after the restart answers at once.
    let turn = c
        .post(
            Pod::first(),
            Answer::tokens(80).first_call_paced(Duration::from_millis(100)),
        )
        .await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    let others = c.survivors_of(&owner);
    for pod in &others {
        c.nemesis().pause_pod(pod).await?;
    }
    c.nemesis().terminate(&owner).await?;
    c.nemesis().gone(&owner.owner).await?;
    c.nemesis().start(&owner.owner).await?;
    let heir = c.taken_over(&turn, &owner, Duration::from_secs(4)).await?;
    c.evidence("the owner's next life took the turn", heir.owner == owner.owner);
    c.provider().second_call(&turn).await?;
    for pod in &others {
        c.nemesis().resume_pod(pod).await?;
    }
    c.settled(&turn).await?;
    Ok(())
}
