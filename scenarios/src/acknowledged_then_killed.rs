//! The pod that said 202 dies in the same moment. What was acknowledged is durable, or the 202 was a lie.
//! Catches: ack-before-durable.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn acknowledged_then_killed(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(6)).await?;
    c.nemesis().kill_pod(&turn.accepted_by, None).await?;
    c.evidence("the pod that accepted the message died", true);
    let survivor = c.pods().into_iter().find(|p| *p != turn.accepted_by);
    if let Some(survivor) = survivor {
        c.attach(&survivor, &turn, "after-death").await?;
    }
    c.settled(&turn).await?;
    Ok(())
}
