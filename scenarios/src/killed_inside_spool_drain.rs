//! A pod dies between setting feedback aside and storing it, with more acknowledged meanwhile. Its next life finds both: what
//! it was about to store, and what came after.
//! Catches: spool-not-recovered, spool-ack-before-fsync.

use crosspod::plan::Pod;
use crosspod::run::{Cast, Played};

use crate::common::feedback_held_aside;

pub(crate) async fn killed_inside_spool_drain(c: &mut Cast) -> Played {
    let pod = c.pod(Pod::first());
    let (held, given) = feedback_held_aside(c, &pod).await?;
    let mut given = given.to_vec();
    given.push(c.give_feedback(&pod).await?);
    c.nemesis().kill_held(&held).await?;
    c.evidence(
        "the pod held at inside-spool-drain and died there with more acknowledged",
        held.pod == pod,
    );
    c.nemesis().start(&pod).await?;
    c.feedback_stored(&given).await?;
    Ok(())
}
