//! A disk is full. On a pod's, acknowledged feedback is kept: what finds no room is refused, not acknowledged and not half-kept; turns
//! need no room there; and once there is room again, feedback is taken again. On the broker's, the frames of answers are kept: the broker
//! stands and answers, and acknowledges no publish. Pods say that they cannot serve, and once the broker stores again every watcher is
//! shown the rest of the answer, with no piece lost or repeated.

use crosspod::nemesis::Failpoint;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played, Stopped};

use super::database::comes_to_its_end;

/// Evidence: the broker's disk was full in time.
pub(super) const NOT_STORED: &str = "the broker stored no more of the answer while the turn ran";

/// A page of the volume's file system, and half of one more: the beginning of such an item fits behind a small one.
const OVER_A_PAGE: usize = 4096 + 2048;
/// A small item's text, in bytes.
const SMALL: usize = 40;

pub(crate) async fn disk_full(c: &mut Cast) -> Played {
    let pod = c.pod(Pod::first());
    let before = c.give_feedback(&pod).await?;
    c.feedback_stored(&[before]).await?;
    c.spool_is_empty(&pod).await?;
    c.nemesis().fill_disk(&pod).await?;
    let (_, refused) = c.try_feedback(&pod, SMALL).await?;
    c.evidence(
        "feedback was refused for want of room",
        c.was_for_want_of_room(&refused),
    );
    let turn = c.post(Pod::first(), Answer::tokens(6)).await?;
    c.attach_on_every_pod(&turn).await?;
    let status = c.settled(&turn).await?;
    c.evidence("a turn was answered while the disk was full", status.is_terminal());
    c.nemesis().free_disk(&pod).await?;
    let after = c.give_feedback(&pod).await?;
    c.evidence("feedback was taken again once there was room", true);
    c.feedback_stored(&[after]).await?;
    Ok(())
}

/// The disk is full in the middle of a line: a part of the item was written when the rest found no room.
pub(crate) async fn disk_full_mid_line(c: &mut Cast) -> Played {
    let pod = c.pod(Pod::first());
    let armed = c
        .nemesis()
        .arm(std::slice::from_ref(&pod), Failpoint::InsideSpoolDrain, None)
        .await?;
    let mut given = vec![c.give_feedback(&pod).await?];
    let held = c.nemesis().holds(armed).await?;
    // The first of a new file: it has the rest of its page to itself, however full the disk is.
    given.push(c.give_feedback(&pod).await?);
    c.nemesis().fill_disk(&pod).await?;
    let (_, refused) = c.try_feedback(&pod, OVER_A_PAGE).await?;
    c.evidence(
        "an item was refused whose beginning had room",
        c.was_for_want_of_room(&refused),
    );
    given.push(c.give_feedback(&pod).await?);
    c.evidence("a later item was taken into what room was left", true);
    c.nemesis().kill_held(&held).await?;
    c.nemesis().start(&pod).await?;
    c.nemesis().free_disk(&pod).await?;
    c.feedback_stored(&given).await?;
    Ok(())
}

/// Each piece of the answer needs a new page: none fits into what is left of the broker's file.
pub(crate) async fn nats_disk_full(c: &mut Cast) -> Played {
    let answer = Answer::tokens(12).size(OVER_A_PAGE).gate_after(3);
    let turn = c.post(Pod::first(), answer).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    c.nemesis().fill_broker().await?;
    c.provider().open_gate_through(&turn, 6).await?;
    c.nemesis().broker_refuses().await?;
    c.evidence(NOT_STORED, !c.is_over(&turn).await?);
    // A pod that only reads to find out whether it can serve says that it can. What its word is worth is for the judge.
    match c.every_pod_says_it_cannot_serve().await {
        Ok(()) | Err(Stopped::GaveUp(_)) => {}
        Err(broken) => return Err(broken),
    }
    c.nemesis().free_broker().await?;
    comes_to_its_end(c, &turn).await
}
