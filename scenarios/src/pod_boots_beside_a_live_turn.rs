//! A pod dies that owns nothing, and boots again while another pod's turn runs. It has nothing to clear up: what is in
//! progress is somebody else's.
//! Catches: boot-sweep-steals-live.

use std::time::Duration;

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn pod_boots_beside_a_live_turn(c: &mut Cast) -> Played {
    // The answer goes on while the pod boots, however long the engine takes over it: a turn that stood still for long enough
    // would be anybody's to take. And it goes on for longer than a lease after that: a pod that says that it is ready may still
    // be at its boot's work, which begins when its own sign of life is known.
    let answer = Answer::tokens(120).gate_after(3).paced(Duration::from_millis(50));
    let turn = c.post(Pod::first(), answer).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    let other = c.survivor_of(&owner);
    c.nemesis().kill_together(std::slice::from_ref(&other)).await?;
    c.provider().open_gate(&turn).await?;
    c.nemesis().start(&other).await?;
    let late = c.attach(&other, &turn, "on-the-booted").await?;
    late.reaches(3).await?;
    c.evidence("a pod booted while another one's turn ran", !c.is_over(&turn).await?);
    c.settled(&turn).await?;
    Ok(())
}
