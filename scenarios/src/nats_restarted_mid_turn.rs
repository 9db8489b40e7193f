//! The broker dies in the middle of an answer and comes back. What it had acknowledged it must still have: for clients that
//! were there, for one that comes back to where it was, and for one that comes only now.
//! Catches: stream-in-memory.

use crosspod::nemesis::Role;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn nats_restarted_mid_turn(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(16).gate_after(4)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(4).await?;
    let owner = c.owner_of(&turn).await?;
    c.nemesis().crash(Role::Nats).await?;
    c.nemesis().mend(Role::Nats).await?;
    let now = c.owner_of(&turn).await?;
    c.evidence(
        "the turn ran on through the restart",
        now == owner && !c.is_over(&turn).await?,
    );
    let elsewhere = c.survivor_of(&owner);
    let late = c.attach(&elsewhere, &turn, "after-restart").await?;
    late.reaches(4).await?;
    if let Some(there) = tails.on(&elsewhere) {
        c.reconnect(there, &owner.owner, &turn).await?;
    }
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    c.every_pod_serves().await?;
    Ok(())
}
