//! A turn that ends whoever runs it: each of its owners dies in the middle of its answer. Some time it must be given up, in words
//! that its client is shown, or it takes the whole service down pod by pod.
//! Catches: last-failure-not-told, losses-not-counted.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played, Stopped, Turn};

use crate::common::PAUSE;

/// More deaths than a turn may have, where the system does not say how many it may.
const DEATHS_MAX: u32 = 5;
/// Deaths beyond the system's own bound, after which a story waits no longer.
const BEYOND: u32 = 2;

pub(crate) async fn owner_killed_until_given_up(c: &mut Cast) -> Played {
    let deaths_max = c.attempts_max().unwrap_or(DEATHS_MAX) + BEYOND;
    let turn = c.post(Pod::first(), Answer::tokens(60).paced(PAUSE)).await?;
    c.attach_on_every_pod(&turn).await?;
    let mut deaths = 0;
    while deaths < deaths_max && called_or_over(c, &turn, deaths + 1).await? {
        let owner = c.owner_of(&turn).await?;
        c.nemesis().kill(&owner).await?;
        deaths += 1;
        for survivor in c.survivors_of(&owner) {
            c.attach(&survivor, &turn, "after-a-death").await?;
        }
        c.nemesis().start(&owner.owner).await?;
    }
    c.evidence("the turn's owners died more than once", deaths > 1);
    c.settled(&turn).await?;
    Ok(())
}

/// Waits until the provider is called for the `n`-th time; `false` if the turn is over before that.
async fn called_or_over(c: &Cast, turn: &Turn, n: u32) -> Result<bool, Stopped> {
    match c.provider().nth_call(turn, n).await {
        Ok(()) => Ok(true),
        Err(_) if c.is_over(turn).await? => Ok(false),
        Err(late) => Err(late),
    }
}
