//! The model thinks for longer than the proxies on the way are patient. What keeps the tails alive meanwhile is the pod's
//! business: a client that is cut off sees no end.
//! Catches: keepalive-too-slow, done-on-silence.

use std::time::Duration;

use crosspod::history::Bound;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

/// How much longer the model is silent than a stream may be.
const LONGER: Duration = Duration::from_millis(400);
/// Longest from the model's next word to the end of the turn.
const THE_REST: Duration = Duration::from_secs(10);

pub(crate) async fn quiet_answer(c: &mut Cast) -> Played {
    let quiet = c.bound(Bound::Silence) + LONGER;
    let turn = c.post(Pod::first(), Answer::tokens(6).stalls_after(3, quiet)).await?;
    let tails = c.attach_through_proxies(&turn).await?;
    tails.each_reach(3).await?;
    c.evidence(
        "every tail was there when the model fell silent",
        !c.is_over(&turn).await?,
    );
    c.settled_within(&turn, quiet + THE_REST).await?;
    Ok(())
}
