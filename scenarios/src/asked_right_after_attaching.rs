//! A client opens its tail and asks in the same breath. Between the moment in which a pod decides where the tail begins and
//! the one in which it begins there, the turn has begun; all of it must be shown.
//! Catches: attach-policy-before-in-progress.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn asked_right_after_attaching(c: &mut Cast) -> Played {
    let before = c.post(Pod::first(), Answer::tokens(3)).await?;
    c.settled(&before).await?;
    let tails = c.attach_on_every_pod(&before).await?;
    let after = c.post(Pod::second(), Answer::tokens(8)).await?;
    c.evidence(
        "the tails were open before the turn was there",
        tails.iter().all(|w| w.seen().open),
    );
    c.settled(&after).await?;
    tails.of(&after).each_reach(8).await?;
    Ok(())
}
