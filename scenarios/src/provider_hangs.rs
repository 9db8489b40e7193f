//! The provider takes a call and never answers. The owner is alive and says so, and nothing moves: the turn must be taken
//! from it all the same, and the thread be usable again.
//! Catches: one-hung-turn-blocks-thread.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn provider_hangs(c: &mut Cast) -> Played {
    let hung = c.post(Pod::first(), Answer::tokens(6).first_call_hangs()).await?;
    c.attach_on_every_pod(&hung).await?;
    let next = c.post(Pod::second(), Answer::tokens(4)).await?;
    c.provider().nth_call(&hung, 1).await?;
    c.evidence("the provider was called and did not answer", true);
    c.provider().second_call(&hung).await?;
    c.settled(&hung).await?;
    c.settled(&next).await?;
    Ok(())
}
