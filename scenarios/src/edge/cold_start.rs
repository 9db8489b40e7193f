//! A pod that does not hold a client's session builds it before it answers: the first time, on another pod, and after the session's
//! idle time. A warm session is found, not built. How long each takes is in the figures.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};
use crosspod::system::parts::Affinity;

pub(crate) async fn cold_start(c: &mut Cast) -> Played {
    let entry = c.entry_by(Affinity::Cookie)?;
    let pod = c.pod(Pod::first());
    let client = c.client_on(&pod, &entry).await?;
    for _ in 0..3 {
        let turn = c.post_by(&client, Answer::tokens(3)).await?;
        c.settled(&turn).await?;
    }
    let (cold, warm) = c.cold_and_warm_starts();
    c.evidence("a session was built, and then found warm", cold >= 1 && warm >= 1);
    // Another browser of the same user, on another pod: the session is rebuilt there with all that was said.
    let elsewhere = c.client_on(&c.pod(Pod::second()), &entry).await?;
    let moved = c.post_by(&elsewhere, Answer::tokens(3)).await?;
    c.settled(&moved).await?;
    c.cookie_lifetime_passes().await?;
    let late = c.post_by(&client, Answer::tokens(3)).await?;
    c.settled(&late).await?;
    let (cold_in_all, _) = c.cold_and_warm_starts();
    c.evidence("a session was built again after its idle time", cold_in_all > cold);
    Ok(())
}
