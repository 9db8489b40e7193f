//! The model thinks for longer than the proxies on the way are patient. What keeps the tails alive meanwhile is the pod's
//! business: a client that is cut off sees no end.
//! Catches: keepalive-too-slow.

use std::time::Duration;

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

/// Longer than the proxies' patience of 2 s, shorter than the 3 s after which a turn without progress is taken away.
const QUIET: Duration = Duration::from_millis(2400);

pub(crate) async fn quiet_answer(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(6).stalls_after(3, QUIET)).await?;
    let tails = c.attach_through_proxies(&turn).await?;
    tails.each_reach(3).await?;
    c.evidence(
        "every tail was there when the model fell silent",
        !c.is_over(&turn).await?,
    );
    c.settled(&turn).await?;
    Ok(())
}
