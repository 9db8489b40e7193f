//! Feedback that clients gave through the edge is set aside when its pod dies; the pod dies again while it recovers it. Clients of the
//! pod are led elsewhere meanwhile, and each item is stored once.
//! Catches: spool-recovered-twice, spool-not-recovered.

use crosspod::nemesis::Failpoint;
use crosspod::plan::Pod;
use crosspod::run::{Cast, Played};
use crosspod::system::parts::Affinity;

pub(crate) async fn killed_inside_spool_recovery(c: &mut Cast) -> Played {
    let (entry, pod) = (c.entry_by(Affinity::Cookie)?, c.pod(Pod::first()));
    let client = c.client_on(&pod, &entry).await?;
    let draining = c
        .nemesis()
        .arm(std::slice::from_ref(&pod), Failpoint::InsideSpoolDrain, None)
        .await?;
    let stranded = c.give_feedback_by(&client, &pod).await?;
    let held = c.nemesis().holds(draining).await?;
    let behind = c.give_feedback_by(&client, &pod).await?;
    let recovering = c.nemesis().arm_next_life(&pod, Failpoint::InsideSpoolRecovery).await?;
    c.nemesis().kill_held(&held).await?;
    let heir = c.re_pinned(&client, &pod).await?;
    let elsewhere = c.give_feedback_by(&client, &heir).await?;
    c.nemesis().start(&pod).await?;
    let held = c.nemesis().holds(recovering).await?;
    c.feedback_stored(std::slice::from_ref(&stranded)).await?;
    c.nemesis().kill_held(&held).await?;
    c.evidence(
        "the pod of a client's feedback died inside its recovery of it",
        held.pod == pod,
    );
    c.nemesis().start(&pod).await?;
    c.back_in_the_pool(&pod, &entry).await?;
    c.feedback_stored(&[behind, elsewhere]).await?;
    c.spool_is_empty(&pod).await?;
    Ok(())
}
