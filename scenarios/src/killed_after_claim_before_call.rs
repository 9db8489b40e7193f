//! An owner dies between its claim and its first step: nothing was shown, stored or asked of the model. The turn is in
//! progress and looks as if it had never begun; somebody must find it and begin.

use crosspod::nemesis::Failpoint;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn killed_after_claim_before_call(c: &mut Cast) -> Played {
    let (pods, thread) = (c.pods(), c.thread().clone());
    let armed = c
        .nemesis()
        .arm(&pods, Failpoint::AfterClaimBeforeCall, Some(&thread))
        .await?;
    let turn = c.post(Pod::first(), Answer::tokens(8).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    let held = c.nemesis().holds(armed).await?;
    c.nemesis().kill_held(&held).await?;
    c.evidence(
        "the owner held at after-claim-before-call and died there",
        held.turn.as_ref() == Some(&turn.id) && c.provider().calls(&turn).await? == 0,
    );
    c.provider().nth_call(&turn, 1).await?; // somebody else's
    for tail in tails.iter().filter(|tail| tail.pod() != held.pod) {
        tail.reaches(3).await?;
    }
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}
