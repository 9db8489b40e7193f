//! A user stops an answer and asks something else. What stopped the first must not reach the second.
//! Catches: stale-cancel-kills-next, fence-blind-terminal.

use std::time::Duration;

use crosspod::history::Status;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

use crate::common::tails_for;

/// Several times as long as pods let pass between two looks for cancels.
const THINKS: Duration = Duration::from_millis(600);

pub(crate) async fn asked_again_after_cancel(c: &mut Cast) -> Played {
    let first = c.post(Pod::first(), Answer::tokens(20).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&first).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&first).await?;
    c.on_record(&first, Status::InProgress).await?;
    c.cancel(&owner.owner, &first).await?;
    let ended = c.settled(&first).await?;
    c.evidence("the first turn was cancelled", ended == Status::Cancelled);
    // Silent for a while in its middle: whatever looks for cancels looks at it.
    let second = c.post(Pod::second(), Answer::tokens(8).stalls_after(3, THINKS)).await?;
    tails_for(c, &tails, &second).await?.each_reach(3).await?;
    c.settled(&second).await?;
    Ok(())
}
