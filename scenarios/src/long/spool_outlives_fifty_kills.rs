//! Clients give feedback without a pause while pods are killed at random moments: inside the write of an item, its acknowledgement, the
//! drain to the database, and the recovery of what a former life has left. Each acknowledged item is stored exactly once.

use std::time::Duration;

use crosspod::run::{Cast, Played};

const KILLS: u32 = 50;
const ITEMS: usize = 10_000;
/// Items that are on their way when a kill comes.
const BATCH: usize = ITEMS / KILLS as usize + 40;
/// Longest from a batch's first item to its kill.
const KILLED_WITHIN: Duration = Duration::from_millis(400);

pub(crate) async fn spool_outlives_fifty_kills(c: &mut Cast) -> Played {
    let pods = c.pods();
    let mut acknowledged = 0;
    for kill in 0..KILLS {
        let pod = &pods[kill as usize % pods.len()];
        let batch = c.begin_feedback(pod, BATCH)?;
        let moment = c.drawn_moment(kill, KILLED_WITHIN);
        c.moment_passes(moment).await;
        c.nemesis().kill_pod(pod, None).await?;
        acknowledged += c.feedback_ended(batch).await?;
        c.nemesis().start(pod).await?;
        // Feedback that the kill has cut off is given once more, as other items, while the pod recovers.
        let rest = c.begin_feedback(pod, BATCH)?;
        acknowledged += c.feedback_ended(rest).await?;
    }
    while acknowledged < ITEMS {
        let batch = c.begin_feedback(&pods[0], BATCH)?;
        let more = c.feedback_ended(batch).await?;
        if more == 0 {
            break;
        }
        acknowledged += more;
    }
    c.evidence("10000 items were acknowledged over 50 kills", acknowledged >= ITEMS);
    for pod in &pods {
        c.spool_is_empty(pod).await?;
    }
    Ok(())
}
