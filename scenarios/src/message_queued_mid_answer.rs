//! A second message is posted while the model is still answering the first. It waits its turn: the answer that runs is not
//! disturbed by it, and every tail that was there from the start shows both, one after the other.
//! Catches: epoch-minted-at-post, session-per-pod-unbounded.

use crosspod::history::Status;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

use crate::common::tails_for;

pub(crate) async fn message_queued_mid_answer(c: &mut Cast) -> Played {
    let first = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&first).await?;
    tails.each_reach(3).await?;
    let second = c.post(Pod::second(), Answer::tokens(6)).await?;
    let waits = c.status_of(&second).await? == Some(Status::Queued);
    c.evidence(
        "the second message waited while the first was answered",
        waits && !c.is_over(&first).await?,
    );
    c.provider().open_gate(&first).await?;
    c.settled(&first).await?;
    c.settled(&second).await?;
    tails_for(c, &tails, &second).await?.each_reach(6).await?;
    Ok(())
}
