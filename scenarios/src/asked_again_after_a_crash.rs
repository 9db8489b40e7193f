//! The owner dies in the middle of its answer, and the thread is asked again once somebody must have taken the turn over. The
//! row that a dead pod left in progress is no reason to refuse.
//! Catches: in-flight-row-stranded.

use crosspod::history::Outcome;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn asked_again_after_a_crash(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    c.nemesis().kill(&owner).await?;
    c.provider().open_gate(&turn).await?;
    // Longer than a takeover may take.
    c.progress_bound_passes().await;
    let survivor = c.survivor_of(&owner);
    let asked = c.try_post(&survivor, &Answer::tokens(4)).await?;
    c.evidence("the thread was asked again after its owner's death", true);
    if let Outcome::Ok(next) = asked {
        c.settled(&turn).await?;
        c.settled(&next).await?;
    }
    Ok(())
}
