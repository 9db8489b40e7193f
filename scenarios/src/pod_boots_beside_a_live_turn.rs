//! A pod dies that owns nothing, and boots again while another pod's turn runs. It has nothing to clear up: what is in
//! progress is somebody else's.
//! Catches: boot-sweep-steals-live, startup-sweep-kills-peers.

use std::time::Duration;

use crosspod::history::Bound;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

use crate::common::{PAUSE, tokens_for};

/// Time in which a pod has booted.
const BOOT: Duration = Duration::from_secs(5);

pub(crate) async fn pod_boots_beside_a_live_turn(c: &mut Cast) -> Played {
    // The answer goes on while the pod boots, however long the engine takes over it: a turn that stood still for long enough
    // would be anybody's to take. And it goes on for longer than a lease after that: a pod that says that it is ready may still
    // be at its boot's work, which begins when its own sign of life is known.
    let tokens = 2 * tokens_for(BOOT + c.bound(Bound::Lease));
    let answer = Answer::tokens(tokens).gate_after(3).paced(PAUSE / 2);
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
