//! Clients attach while the thread's next turn waits and no pod has claimed it. The newest attempt in the log is that of the turn
//! before, which is over: a pod that takes it for the lost turn sends resyncs without end until the claim.

use crosspod::history::Status;
use crosspod::nemesis::Failpoint;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn attached_before_the_claim(c: &mut Cast) -> Played {
    let (pods, thread) = (c.pods(), c.thread().clone());
    let first = c.post(Pod::first(), Answer::tokens(6)).await?;
    c.settled(&first).await?;
    // A resync shortly after a claim is excused, so the first turn's claim must be long past.
    c.lease_passes().await;
    let mut armed = Vec::new();
    for pod in pods.chunks(1) {
        let order = c.nemesis().arm(pod, Failpoint::AfterLookBeforeClaim, Some(&thread));
        armed.push(order.await?);
    }
    let second = c.post(Pod::first(), Answer::tokens(6)).await?;
    let mut held = Vec::new();
    for armed in armed {
        held.push(c.nemesis().holds(armed).await?);
    }
    let tails = c.attach_on_every_pod(&second).await?;
    c.lease_passes().await;
    let waits = c.status_of(&second).await? == Some(Status::Queued);
    c.evidence(
        "every pod held at after-look-before-claim while tails were open",
        waits && held.len() == pods.len() && tails.iter().all(|tail| tail.seen().open),
    );
    for held in &held {
        c.nemesis().release(held).await?;
    }
    c.settled(&second).await?;
    tails.each_reach(6).await?;
    Ok(())
}
