//! A rolling deploy in the middle of an answer: every pod in turn gets SIGTERM, is gone, and comes back. The turn is
//! handed over as often as it must be, and clients of a stopped pod come back elsewhere from where they were.
//! Catches: drain-cancels-peers.

use crosspod::history::Bound;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

use crate::common::{PAUSE, tokens_for};

pub(crate) async fn rolling_restart_mid_answer(c: &mut Cast) -> Played {
    let pods = u32::try_from(c.pods().len()).unwrap_or(u32::MAX);
    // The first call outlasts every restart; the call after the hand-over answers at once.
    let tokens = tokens_for(c.bound(Bound::Drain) * pods);
    let turn = c
        .post(Pod::first(), Answer::tokens(tokens).first_call_paced(PAUSE))
        .await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let first = c.owner_of(&turn).await?;
    let mut restarted_mid_answer = 0;
    // The owner comes last, so that the heir of the turn has been restarted already.
    let mut order = c.survivors_of(&first);
    order.push(first.owner.clone());
    for pod in order {
        restarted_mid_answer += u32::from(!c.is_over(&turn).await?);
        c.nemesis().terminate_pod(&pod, None).await?;
        c.nemesis().gone(&pod).await?;
        c.nemesis().start(&pod).await?;
        if let Some(left) = tails.on(&pod) {
            c.reconnect(left, &pod, &turn).await?;
        }
    }
    c.evidence(
        "every pod was restarted while the turn ran",
        restarted_mid_answer == pods,
    );
    c.settled(&turn).await?;
    let calls = c.provider().calls(&turn).await?;
    c.evidence("the turn was taken over", calls >= 2);
    Ok(())
}
