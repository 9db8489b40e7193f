//! The provider ends an answer in good order without having said anything. A turn that ends so must not pass for answered:
//! its user would look at an empty bubble.
//! Catches: blank-terminal.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn empty_answer(c: &mut Cast) -> Played {
    let turn = c
        .post(Pod::first(), Answer::tokens(6).first_call_silent().gate_after(0))
        .await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    c.evidence("the provider said nothing", tails.iter().all(|w| w.tokens() == 0));
    let next = c.post(Pod::second(), Answer::tokens(4)).await?;
    c.settled(&next).await?;
    Ok(())
}
