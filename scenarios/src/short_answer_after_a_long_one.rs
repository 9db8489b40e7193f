//! A long answer ends, and a short one follows on the same tail. Whatever a reader or an owner remembers of the long one reaches
//! further than the short one ever gets, and must not be taken for it. The long one comes in one burst: many events in a millisecond.
//! Catches: ids-by-the-millisecond.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

use crate::common::tails_for;

/// Tokens of the long answer.
const LONG: u32 = 200;

pub(crate) async fn short_answer_after_a_long_one(c: &mut Cast) -> Played {
    let long = c.post(Pod::first(), Answer::tokens(LONG).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&long).await?;
    tails.each_reach(3).await?;
    c.provider().open_gate(&long).await?;
    c.settled(&long).await?;
    c.evidence(
        "the long answer was shown on every tail",
        tails.iter().all(|w| w.tokens() == LONG),
    );
    let short = c.post(Pod::second(), Answer::tokens(2).gate_after(1)).await?;
    let there = tails_for(c, &tails, &short).await?;
    there.each_reach(1).await?;
    c.attach_on_every_pod(&short).await?.each_reach(1).await?;
    c.provider().open_gate(&short).await?;
    c.settled(&short).await?;
    Ok(())
}
