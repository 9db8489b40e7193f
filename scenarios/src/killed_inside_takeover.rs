//! An owner dies, and its heir dies too, in the middle of taking over: readers were shown a reset, and
//! the frames before it are still in the log. The last pod must make one whole answer of that.

use crosspod::nemesis::Failpoint;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn killed_inside_takeover(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(20).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    let survivors = c.survivors_of(&owner);
    let armed = c
        .nemesis()
        .arm(&survivors, Failpoint::InsideTakeover, Some(&owner.thread))
        .await?;
    c.nemesis().kill(&owner).await?;
    let held = c.nemesis().holds(armed).await?;
    c.nemesis().kill_held(&held).await?;
    c.evidence(
        "the heir held at inside-takeover and died there",
        held.aim.is_some_and(|heir| heir.owner != owner.owner),
    );
    c.provider().second_call(&turn).await?; // the heir had not come to make one
    let last = survivors.into_iter().find(|pod| *pod != held.pod);
    if let Some(last) = last {
        c.attach(&last, &turn, "late").await?;
        for gone in [&owner.owner, &held.pod] {
            if let Some(orphan) = tails.on(gone) {
                c.reconnect(orphan, &last, &turn).await?;
            }
        }
    }
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}
