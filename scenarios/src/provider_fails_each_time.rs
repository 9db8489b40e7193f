//! The provider fails in the middle of every answer. A service may try again, but not for ever: the turn fails, its client is
//! shown why, and the provider is left in peace.
//! Catches: retries-without-end.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn provider_fails_each_time(c: &mut Cast) -> Played {
    let turn = c
        .post(Pod::first(), Answer::tokens(12).gate_after(1).broken_off_after(3))
        .await?;
    c.attach_on_every_pod(&turn).await?;
    c.provider().open_gate(&turn).await?;
    c.provider().nth_call(&turn, 1).await?;
    c.evidence("the provider was called and broke off", true);
    c.settled(&turn).await?;
    let next = c.post(Pod::second(), Answer::tokens(5)).await?;
    c.settled(&next).await?;
    Ok(())
}
