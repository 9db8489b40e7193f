//! In the middle of a rolling update pods of two versions serve at once: an answer that a new pod gives is watched on an old
//! one. What the new version writes, the old one must be able to show.
//! Catches: version-skew-in-events.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

/// Name of the other version, by its own report.
const NEXT: &str = "next";
/// Turns after which one was surely taken by a pod of the new version, whichever pods take them.
const TURNS_MAX: usize = 8;

pub(crate) async fn new_version_beside_the_old(c: &mut Cast) -> Played {
    let mut new = c.pods();
    let old = c.pod(Pod::first());
    new.retain(|pod| *pod != old);
    for pod in &new {
        c.nemesis().terminate_pod(pod, None).await?;
        c.nemesis().gone(pod).await?;
        c.nemesis().roll_out(pod, NEXT).await?;
    }
    let Some(first) = new.first() else {
        return Ok(());
    };
    for _ in 0..TURNS_MAX {
        let turn = c.post_through(first, Answer::tokens(12).gate_after(3)).await?;
        let tails = c.attach_on_every_pod(&turn).await?;
        let owner = c.owner_of(&turn).await?;
        let is_new = new.contains(&owner.owner);
        if is_new {
            c.evidence("a new pod's answer was watched on an old one", true);
        }
        tails.each_reach(3).await?;
        c.provider().open_gate(&turn).await?;
        c.settled(&turn).await?;
        if is_new {
            break;
        }
    }
    for pod in &new {
        c.nemesis().roll_back(pod).await?;
    }
    c.every_pod_serves().await
}
