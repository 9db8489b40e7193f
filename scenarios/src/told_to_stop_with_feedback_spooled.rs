//! A pod gets SIGTERM while its spool holds feedback, some of it set aside and some not. It carries all of it to the
//! database before it leaves: nobody may ever start it again.

use crosspod::plan::Pod;
use crosspod::run::{Cast, Played};

use crate::common::{feedback_held_aside, is_in_good_order};

pub(crate) async fn told_to_stop_with_feedback_spooled(c: &mut Cast) -> Played {
    let pod = c.pod(Pod::first());
    let (held, [set_aside, behind]) = feedback_held_aside(c, &pod).await?;
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
