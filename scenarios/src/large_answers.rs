//! Somewhere on the way there is always a limit: of a notification, a row, a message, a line. Answers whose tokens are just
//! below and far above the usual ones must arrive like any other, for who watches and for who reads.
//! Catches: oversize-publish-dropped.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

use crate::common::tails_for;

/// Sizes of a token in bytes, and how many of them.
const ANSWERS: [(usize, u32); 4] = [(7_000, 4), (8_200, 4), (64_000, 3), (900_000, 2)];

pub(crate) async fn large_answers(c: &mut Cast) -> Played {
    let mut shown = true;
    let first = c.post(Pod::first(), Answer::tokens(2).gate_after(0)).await?;
    let tails = c.attach_on_every_pod(&first).await?;
    c.provider().open_gate(&first).await?;
    c.settled(&first).await?;
    for (role, (bytes, tokens)) in ANSWERS.into_iter().enumerate() {
        let turn = c.post(Pod::nth(role), Answer::tokens(tokens).size(bytes)).await?;
        let there = tails_for(c, &tails, &turn).await?;
        c.settled(&turn).await?;
        shown &= there.iter().all(|w| w.seen().turns.contains_key(&turn.id));
    }
    c.evidence("answers of every size were watched on every pod", shown);
    Ok(())
}
