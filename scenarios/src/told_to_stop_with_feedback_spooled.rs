//! A pod gets SIGTERM while its spool holds feedback, some of it set aside and some not. It carries all of it to the
//! database before it leaves: nobody may ever start it again.

use crosspod::nemesis::Failpoint;
use crosspod::plan::Pod;
use crosspod::run::{Cast, Played};

use crate::common::is_in_good_order;

pub(crate) async fn told_to_stop_with_feedback_spooled(c: &mut Cast) -> Played {
    let pod = c.pod(Pod::first());
    let armed = c
        .nemesis()
        .arm(std::slice::from_ref(&pod), Failpoint::InsideSpoolDrain, None)
        .await?;
    let set_aside = c.give_feedback(&pod).await?;
    let held = c.nemesis().holds(armed).await?;
    let behind = c.give_feedback(&pod).await?;
    c.nemesis().terminate_pod(&pod, None).await?;
    c.drains(&pod).await?;
    c.nemesis().release(&held).await?;
    let code = c.nemesis().gone(&pod).await?;
    c.evidence(
        "the pod left in good order with feedback in its spool",
        is_in_good_order(code),
    );
    c.feedback_stored(&[set_aside, behind]).await?;
    c.nemesis().start(&pod).await?;
    Ok(())
}
