//! A candidate boots while a live pod holds feedback that it has set aside to store, in a spool that both can see. The candidate's
//! recovery must leave it alone: it is not stranded, and it would be stored twice.
//! Catches: candidate-takes-live-spool.

use crosspod::run::{Cast, Played};

use crate::common::feedback_held_aside;

pub(crate) async fn candidate_beside_a_live_spool(c: &mut Cast) -> Played {
    // A candidate stands in for the pod that comes first by name, and sees the spool of that one.
    let Some(pod) = c.pods().into_iter().min() else {
        return Ok(());
    };
    let (held, [set_aside, behind]) = feedback_held_aside(c, &pod).await?;
    c.edge().start_candidate().await?;
    c.edge().verify_candidate().await?;
    c.evidence("a candidate came up while a live pod held feedback", held.pod == pod);
    c.nemesis().release(&held).await?;
    c.feedback_stored(&[set_aside, behind]).await?;
    c.spool_is_empty(&pod).await?;
    c.edge().stop_candidate().await?;
    Ok(())
}
