//! An owner dies between showing a piece of the answer and storing it: clients have a piece that the database lacks.
//! The heir must neither repeat that piece for them nor leave it out.

use crosspod::nemesis::Failpoint;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn killed_after_publish_before_persist(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(20).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    let armed = c
        .nemesis()
        .arm(
            std::slice::from_ref(&owner.owner),
            Failpoint::AfterPublishBeforePersist,
            Some(&owner.thread),
        )
        .await?;
    c.provider().open_gate_through(&turn, 5).await?;
    let held = c.nemesis().holds(armed).await?;
    tails.each_reach(4).await?; // shown
    c.nemesis().kill_held(&held).await?;
    c.evidence(
        "the owner held at after-publish-before-persist and died there",
        held.turn.as_ref() == Some(&turn.id),
    );
    c.provider().second_call(&turn).await?;
    let survivor = c.survivor_of(&owner);
    c.attach(&survivor, &turn, "late").await?;
    if let Some(orphan) = tails.on(&owner.owner) {
        c.reconnect(orphan, &survivor, &turn).await?;
    }
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}
