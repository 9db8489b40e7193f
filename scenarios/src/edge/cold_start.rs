//! A pod that does not hold a client's session builds it before it answers: the first time, on another pod, and after the session's
//! idle time. A warm session is found, not built, for as long as the client pauses for less than that, however old the session is.
//! How long each takes is in the figures.
//! Catches: session-idle-from-birth.

use std::time::Instant;

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, EdgeClient, Played, Stopped};
use crosspod::system::parts::Affinity;

/// A client's pause is the idle time's part of so many. It is well within the half for which a session is surely warm, and well beyond
/// the sixteenth in which a pod looks at its sessions.
const PARTS: u32 = 3;
/// Pauses, one more than the idle time has: without its turns the session would be long gone.
const PAUSES: u32 = PARTS + 1;

pub(crate) async fn cold_start(c: &mut Cast) -> Played {
    let entry = c.entry_by(Affinity::Cookie)?;
    let pod = c.pod(Pod::first());
    let client = c.client_on(&pod, &entry).await?;
    for _ in 0..3 {
        asked(c, &client).await?;
    }
    let (cold, warm) = c.cold_and_warm_starts();
    c.evidence("a session was built, and then found warm", cold >= 1 && warm >= 1);
    let is_in_use = asked_with_pauses(c, &client).await?;
    c.evidence(
        "a client asked for longer than an idle time, with pauses of a part of it",
        is_in_use,
    );
    // Another browser of the same user, on another pod: the session is rebuilt there with all that was said.
    let elsewhere = c.client_on(&c.pod(Pod::second()), &entry).await?;
    asked(c, &elsewhere).await?;
    let (cold, _) = c.cold_and_warm_starts();
    c.cookie_lifetime_passes().await?;
    asked(c, &client).await?;
    let (cold_in_all, _) = c.cold_and_warm_starts();
    c.evidence("a session was built again after its idle time", cold_in_all > cold);
    Ok(())
}

/// A turn of a client, from its post to its end.
async fn asked(c: &mut Cast, client: &EdgeClient) -> Result<(), Stopped> {
    let turn = c.post_by(client, Answer::tokens(3)).await?;
    c.settled(&turn).await?;
    Ok(())
}

/// Turns of a client with a pause before each. Returns true if each post was answered within half of the idle time after the turn before.
async fn asked_with_pauses(c: &mut Cast, client: &EdgeClient) -> Result<bool, Stopped> {
    let half = c.cookie_lifetime()?.unwrap_or_default() / 2;
    let mut is_in_use = true;
    for _ in 0..PAUSES {
        let rests = Instant::now();
        c.part_of_the_cookie_lifetime_passes(PARTS).await?;
        let turn = c.post_by(client, Answer::tokens(3)).await?;
        is_in_use &= rests.elapsed() <= half;
        c.settled(&turn).await?;
    }
    Ok(is_in_use)
}
