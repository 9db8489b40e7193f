//! The provider breaks its answer off in the middle. What there is of it must not pass for the whole.
//! Catches: mid-stream-error-swallowed.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn answer_breaks_off(c: &mut Cast) -> Played {
    let turn = c
        .post(
            Pod::first(),
            Answer::tokens(12).first_call_broken_off_after(5).gate_after(5),
        )
        .await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(5).await?;
    c.evidence(
        "five tokens were shown when the answer broke off",
        !c.is_over(&turn).await?,
    );
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}
