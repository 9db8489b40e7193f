//! A pod dies that owns nothing, and boots again while another pod's turn runs. It has nothing to clear up: what is in
//! progress is somebody else's.
//! Catches: boot-sweep-steals-live.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn pod_boots_beside_a_live_turn(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    let other = c.survivor_of(&owner);
    c.nemesis().kill_together(std::slice::from_ref(&other)).await?;
    c.nemesis().start(&other).await?;
    // It serves: whatever it does at its boot is done.
    let late = c.attach(&other, &turn, "on-the-booted").await?;
    late.reaches(3).await?;
    c.evidence("a pod booted while another one's turn ran", !c.is_over(&turn).await?);
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}
