//! A short answer ends, and a long one in the same thread outlasts the time by which the first would have been given up.
//! The deadline of the first must not end the second.
//! Catches: ghost-force-fail.

use std::time::Duration;

use crosspod::history::Bound;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

use crate::common::{PAUSE, tokens_for};

/// How much longer the answer runs.
const LONGER: Duration = Duration::from_millis(800);

pub(crate) async fn long_answer_after_a_short_one(c: &mut Cast) -> Played {
    let short = c.post(Pod::first(), Answer::tokens(3)).await?;
    c.settled(&short).await?;
    // It outlasts the time after which a turn without progress is given up.
    let tokens = tokens_for(c.bound(Bound::Progress) + LONGER);
    let long = c.post(Pod::second(), Answer::tokens(tokens).paced(PAUSE)).await?;
    let tails = c.attach_on_every_pod(&long).await?;
    tails.each_reach(3).await?;
    c.progress_bound_passes().await;
    c.evidence(
        "the long answer was not over when the short one's time was",
        !c.is_over(&long).await?,
    );
    c.settled(&long).await?;
    Ok(())
}
