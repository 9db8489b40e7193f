//! One step of a rolling update in the middle of an answer: the pod gets SIGTERM and drains, another version is started in
//! its place under its name, and is taken back again. Nobody loses an answer by either.

use crosspod::plan::{Answer, Pod, Selector};
use crosspod::run::{Cast, Fault, Played};

/// Name of the other version, by its own report.
const NEXT: &str = "next";

pub(crate) async fn replaced_by_a_new_version(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let injected = c
        .nemesis()
        .inject(turn.shows(3), Selector::Owner, &turn, Fault::Terminate)
        .await?;
    let Some(owner) = injected.into_iter().find_map(|one| one.aim) else {
        return Ok(());
    };
    let pod = &owner.owner;
    c.drains(pod).await?;
    // The turn outlasts the grace, as the model stands still: it is handed over, and goes on while the pod is another.
    c.nemesis().gone(pod).await?;
    c.nemesis().roll_out(pod, NEXT).await?;
    c.evidence(
        "a new version serves in the owner's place while its turn runs",
        !c.is_over(&turn).await?,
    );
    let watcher = c.attach(pod, &turn, "on-the-new-version").await?;
    watcher.reaches(3).await?;
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    // The new version at work of its own, and its update back in the middle of that.
    let next = c.post_through(pod, Answer::tokens(12).gate_after(3)).await?;
    let there = c.attach(pod, &next, "through-the-roll-back").await?;
    there.reaches(3).await?;
    c.provider().open_gate(&next).await?;
    let version = c.nemesis().roll_back(pod).await?;
    c.evidence("the version from before serves again", version != NEXT);
    c.settled(&next).await?;
    c.every_pod_serves().await
}
