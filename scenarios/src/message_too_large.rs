//! A client posts a message that is larger than the system takes. Each pod must refuse it with the status that tells the client so, keep
//! nothing of it, and serve the next message as if nothing had been.

use crosspod::plan::Answer;
use crosspod::run::{Cast, Played};

pub(crate) async fn message_too_large(c: &mut Cast) -> Played {
    let mut is_refused = true;
    for pod in c.pods() {
        is_refused &= c.post_too_large(&pod).await?;
        let turn = c.post_through(&pod, Answer::tokens(4)).await?;
        c.attach(&pod, &turn, "after-the-refusal").await?;
        c.settled(&turn).await?;
    }
    c.evidence(
        "every pod refused a message that was too large and answered the next",
        is_refused,
    );
    Ok(())
}
