//! One turn on a healthy cluster: accepted by one pod, watched on all, read on all, stored once. What fails here is the
//! cluster or the harness; no other story means anything before this one passes.
//! Catches: session-child-leaks.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn cluster_smoke(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(8).gate_after(0)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    c.provider().open_gate(&turn).await?;
    tails.each_reach(8).await?;
    c.settled(&turn).await?;
    let watched = tails.iter().all(|w| w.tokens() == 8);
    c.evidence("the answer was watched to its end", watched);
    Ok(())
}
