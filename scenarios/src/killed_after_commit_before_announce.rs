//! An owner dies between storing a turn's end and telling of it: the turn is over, so nobody takes it over, and the clients
//! wait for an end that its owner cannot tell any more. Somebody else must.
//! Catches: finish-before-commit.

use crosspod::history::Status;
use crosspod::nemesis::Failpoint;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn killed_after_commit_before_announce(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(8).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    let armed = c
        .nemesis()
        .arm(
            std::slice::from_ref(&owner.owner),
            Failpoint::AfterCommitBeforeAnnounce,
            Some(&owner.thread),
        )
        .await?;
    c.provider().open_gate(&turn).await?;
    let held = c.nemesis().holds(armed).await?;
    c.nemesis().kill_held(&held).await?;
    let stored = c.status_of(&turn).await?;
    c.evidence(
        "the owner held at after-commit-before-announce and died there",
        stored == Some(Status::Completed),
    );
    if let Some(orphan) = tails.on(&owner.owner) {
        c.reconnect(orphan, &c.survivor_of(&owner), &turn).await?;
    }
    c.settled(&turn).await?;
    Ok(())
}
