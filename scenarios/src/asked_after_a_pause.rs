//! A thread is quiet for longer than a turn may be without progress, and then asked again. The new turn's time begins with
//! it, not with the last sign of the one before. Clients that open the thread meanwhile have read the old answer, and are shown the new
//! turn alone.
//! Catches: stale-progress-reaps-new-turn, restore-drops-context.

use std::time::Duration;

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

/// Several times as long as pods let pass between two looks for turns without progress.
const THINKS: Duration = Duration::from_millis(600);

pub(crate) async fn asked_after_a_pause(c: &mut Cast) -> Played {
    let before = c.post(Pod::first(), Answer::tokens(4)).await?;
    c.attach_on_every_pod(&before).await?;
    c.settled(&before).await?;
    c.progress_bound_passes().await;
    let opened_in_the_pause = c.attach_on_every_pod(&before).await?;
    // Silent for a while before its first word: whatever looks for turns without progress looks at one that has had none.
    let after = c.post(Pod::second(), Answer::tokens(8).stalls_after(0, THINKS)).await?;
    let tails = c.attach_on_every_pod(&after).await?;
    c.provider().nth_call(&after, 1).await?;
    c.evidence(
        "the turn waited for its first word",
        tails.iter().all(|w| w.tokens() == 0),
    );
    c.settled(&after).await?;
    opened_in_the_pause.of(&after).each_reach(8).await?;
    Ok(())
}
