//! A client gets no answer to a post and sends it again, to every pod at once. It is one message all the same: one turn, one
//! answer, one bill.
//! Catches: no-idempotency.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn message_sent_to_every_pod(c: &mut Cast) -> Played {
    let turn = c.post_on_every_pod(Answer::tokens(8).gate_after(0)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    c.evidence(
        "every pod was sent the message before it was answered",
        tails.iter().all(|w| w.tokens() == 0),
    );
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    let next = c.post(Pod::first(), Answer::tokens(4)).await?;
    c.settled(&next).await?;
    Ok(())
}
