//! A client keeps its tail open and asks twice. The end of the first answer is not the end of the stream: all of the second
//! comes down the same tail, on every pod.
//! Catches: closes-at-finish.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn two_turns_on_one_tail(c: &mut Cast) -> Played {
    let first = c.post(Pod::first(), Answer::tokens(6).gate_after(0)).await?;
    let tails = c.attach_on_every_pod(&first).await?;
    c.provider().open_gate(&first).await?;
    c.settled(&first).await?;
    c.evidence("the first answer was shown on every tail", tails.iter().all(|w| w.tokens() == 6));
    let second = c.post(Pod::second(), Answer::tokens(9)).await?;
    tails.of(&second).each_reach(9).await?;
    c.settled(&second).await?;
    Ok(())
}
