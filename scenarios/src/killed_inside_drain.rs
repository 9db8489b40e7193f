//! An owner gets SIGTERM, its grace ends, it drops its turn, and it dies before it can say so: by the database it still owns
//! the turn that it no longer works on. Survivors must find out by its silence.

use crosspod::nemesis::Failpoint;
use crosspod::plan::Pod;
use crosspod::run::{Cast, Played};

use crate::common::outlasting_a_drain;

pub(crate) async fn killed_inside_drain(c: &mut Cast) -> Played {
    let answer = outlasting_a_drain(c);
    let turn = c.post(Pod::first(), answer).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    let armed = c
        .nemesis()
        .arm(std::slice::from_ref(&owner.owner), Failpoint::InsideDrain, None)
        .await?;
    c.nemesis().terminate(&owner).await?;
    let held = c.nemesis().holds(armed).await?;
    c.nemesis().kill_held(&held).await?;
    let still_its_own = c.owner_of(&turn).await? == owner;
    c.evidence("the owner held at inside-drain and died there", still_its_own);
    c.provider().second_call(&turn).await?;
    if let Some(orphan) = tails.on(&owner.owner) {
        c.reconnect(orphan, &c.survivor_of(&owner), &turn).await?;
    }
    c.settled(&turn).await?;
    Ok(())
}
