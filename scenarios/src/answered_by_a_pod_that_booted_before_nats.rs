//! A pod boots before the broker does, and a turn is its own to answer once both are there. The answer must be shown on the other
//! pods, and by the pod itself to those who attach late.
//! Catches: nothing-published-204.

use crosspod::nemesis::Role;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn answered_by_a_pod_that_booted_before_nats(c: &mut Cast) -> Played {
    let pod = c.pod(Pod::first());
    c.nemesis().kill_together(std::slice::from_ref(&pod)).await?;
    c.nemesis().crash(Role::Nats).await?;
    c.nemesis().start_before(&pod, Role::Nats).await?;
    let others: Vec<_> = c.pods().into_iter().filter(|other| *other != pod).collect();
    c.takeover_bound_passes().await; // by then every pod has found the broker
    for other in &others {
        c.nemesis().pause_pod(other).await?; // nobody else can take the turn
    }
    let turn = c.post_through(&pod, Answer::tokens(6).gate_after(0)).await?;
    let owner = c.owner_of(&turn).await?;
    for other in &others {
        c.nemesis().resume_pod(other).await?;
    }
    for other in &others {
        c.attach(other, &turn, "elsewhere").await?;
    }
    c.evidence("the pod that was up before the broker owns a turn", owner.owner == pod);
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    // No further turn of this thread: it would give the tails something to go on with.
    c.every_pod_serves().await
}
