//! A release is rolled out to every pod but the owner of a turn, and then the owner dies. A pod of another version takes over what
//! one of the old version began.

use crosspod::history::Bound;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

use crate::common::PAUSE;

/// Tokens of an answer whose first call is still under way when every other pod has been replaced, one after the other.
const TOKENS: u32 = 130;
/// Name of the other version, by its own report.
const NEXT: &str = "next";

pub(crate) async fn new_version_everywhere_but_at_the_owner(c: &mut Cast) -> Played {
    let turn = c
        .post(Pod::first(), Answer::tokens(TOKENS).first_call_paced(PAUSE))
        .await?;
    let owner = c.owner_of(&turn).await?;
    let others = c.survivors_of(&owner);
    for pod in &others {
        c.nemesis().terminate_pod(pod, None).await?;
        c.nemesis().gone(pod).await?;
        c.nemesis().roll_out(pod, NEXT).await?;
    }
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    c.nemesis().kill(&owner).await?;
    let heir = c.taken_over(&turn, &owner, c.patience(Bound::Takeover)).await?;
    c.evidence(
        "a pod of another version took the turn over",
        others.contains(&heir.owner),
    );
    c.settled(&turn).await?;
    for pod in &others {
        c.nemesis().roll_back(pod).await?;
    }
    Ok(())
}
