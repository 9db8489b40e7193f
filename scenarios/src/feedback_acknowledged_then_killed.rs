//! The pod that acknowledged feedback dies in the same moment, before any of it was carried to the database. What was
//! acknowledged is on its volume, and is stored when it is back.
//! Catches: spool-ack-before-fsync.

use crosspod::plan::Pod;
use crosspod::run::{Cast, Played};

pub(crate) async fn feedback_acknowledged_then_killed(c: &mut Cast) -> Played {
    let pod = c.pod(Pod::second());
    let mut given = Vec::new();
    for _ in 0..3 {
        given.push(c.give_feedback(&pod).await?);
    }
    c.nemesis().kill_pod(&pod, None).await?;
    c.evidence("the pod that acknowledged the feedback died", true);
    c.nemesis().start(&pod).await?;
    c.feedback_stored(&given).await?;
    Ok(())
}
