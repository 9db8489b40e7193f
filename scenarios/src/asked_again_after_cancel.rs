//! A user stops an answer and asks something else. What stopped the first must not reach the second.
//! Catches: stale-cancel-kills-next.

use crosspod::history::Status;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn asked_again_after_cancel(c: &mut Cast) -> Played {
    let first = c.post(Pod::first(), Answer::tokens(20).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&first).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&first).await?;
    c.cancel(&owner.owner, &first).await?;
    let ended = c.settled(&first).await?;
    c.evidence("the first turn was cancelled", ended == Status::Cancelled);
    // Held for a while, so that whatever looks for cancels has looked.
    let second = c.post(Pod::second(), Answer::tokens(8).gate_after(3)).await?;
    tails.of(&second).each_reach(3).await?;
    c.provider().open_gate(&second).await?;
    c.settled(&second).await?;
    Ok(())
}
