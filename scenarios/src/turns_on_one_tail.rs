//! A client keeps its tail open and asks again: once while the first answer runs, and once when all is quiet. The end of an
//! answer is not the end of the stream: every answer comes down the same tail, on every pod.
//! Catches: closes-at-finish.

use crosspod::history::Status;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn turns_on_one_tail(c: &mut Cast) -> Played {
    let first = c.post(Pod::first(), Answer::tokens(6).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&first).await?;
    tails.each_reach(3).await?;
    let second = c.post(Pod::second(), Answer::tokens(9)).await?;
    c.on_record(&second, Status::Queued).await?;
    c.provider().open_gate(&first).await?;
    c.settled(&first).await?;
    c.settled(&second).await?;
    c.evidence(
        "the first answer was shown on every tail",
        tails.iter().all(|w| w.tokens() == 6),
    );
    tails.of(&second).each_reach(9).await?;
    let third = c.post(Pod::nth(2), Answer::tokens(7)).await?;
    tails.of(&third).each_reach(7).await?;
    c.settled(&third).await?;
    Ok(())
}
