//! A pod dies with feedback set aside, recovers it, and dies again between storing it and removing it. Its third life
//! recovers the same once more, and each item must be stored once.
//! Catches: spool-recovered-twice, spool-not-recovered.

use crosspod::nemesis::Failpoint;
use crosspod::plan::Pod;
use crosspod::run::{Cast, Played};

use crate::common::feedback_held_aside;

pub(crate) async fn killed_inside_spool_recovery(c: &mut Cast) -> Played {
    let pod = c.pod(Pod::first());
    let (held, [stranded, behind]) = feedback_held_aside(c, &pod).await?;
    let recovering = c.nemesis().arm_next_life(&pod, Failpoint::InsideSpoolRecovery).await?;
    c.nemesis().kill_held(&held).await?;
    c.nemesis().start(&pod).await?;
    let held = c.nemesis().holds(recovering).await?;
    c.feedback_stored(std::slice::from_ref(&stranded)).await?;
    c.nemesis().kill_held(&held).await?;
    c.evidence(
        "the pod held at inside-spool-recovery with the item stored, and died there",
        held.pod == pod,
    );
    c.nemesis().start(&pod).await?;
    c.feedback_stored(&[behind]).await?;
    c.spool_is_empty(&pod).await?;
    Ok(())
}
