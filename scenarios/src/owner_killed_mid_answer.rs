//! The owner dies while the model is still talking; every tail must end with one whole answer.
//! Catches: no-purge-on-resume, claim-strict-cas, resume-without-buffer, heartbeat-watch-only,
//! recovery-own-executor-only, sequence-restarts-with-same-epoch, heartbeat-bucket-missing, message-stored-with-answer.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn owner_killed_mid_answer(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(20).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?; // proven to be buffered, not slept for
    let owner = c.owner_of(&turn).await?;
    c.nemesis().kill(&owner).await?; // dead when this returns
    c.evidence(
        "owner died while holding token 3",
        tails.iter().all(|w| w.tokens() == 3),
    );
    c.provider().second_call(&turn).await?; // a survivor took over
    c.provider().held(&turn, 2).await?; // and has got as far as the owner had
    let survivor = c.survivor_of(&owner);
    let late = c.attach(&survivor, &turn, "late").await?;
    c.evidence("late tail opened after takeover", late.seen().open);
    if let Some(orphan) = tails.on(&owner.owner) {
        c.reconnect(orphan, &survivor, &turn).await?; // the dead pod's client comes back elsewhere
    }
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}
