//! The model says a few words and falls silent. What it has said is on every screen and in the store meanwhile: whoever waits for more
//! before showing what there is shows a person nothing.
//! Catches: deltas-held-back.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn shown_before_a_silence(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(6).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    c.provider().held(&turn, 1).await?;
    c.word_bounds_pass().await;
    c.evidence(
        "the model was silent for as long as its words may take",
        !c.is_over(&turn).await?,
    );
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    drop(tails);
    Ok(())
}
