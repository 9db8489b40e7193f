//! An owner is frozen between its claim and its first step, past its lease, and wakes when another pod has long begun. Everything
//! of the attempt is still before it, and nothing of it may begin.

use crosspod::history::Bound;
use crosspod::nemesis::Failpoint;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn paused_after_claim_before_call(c: &mut Cast) -> Played {
    const POINT: Failpoint = Failpoint::AfterClaimBeforeCall;
    let (pods, thread) = (c.pods(), c.thread().clone());
    let armed = c.nemesis().arm(&pods, POINT, Some(&thread)).await?;
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?;
    c.nemesis().holds(armed).await?;
    let owner = c.owner_of(&turn).await?;
    c.nemesis().pause(&owner).await?;
    let heir = c.taken_over(&turn, &owner, c.patience(Bound::Takeover)).await?;
    c.evidence(
        "the owner held at after-claim-before-call and was frozen there",
        heir != owner,
    );
    c.provider().held(&turn, 1).await?; // the heir's call is the first
    c.attach(&heir.owner, &turn, "on-heir").await?.reaches(3).await?;
    let woken = c.now();
    c.nemesis().resume_held(&owner, POINT).await?;
    c.acts_on_its_loss(&owner, woken).await?;
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}
