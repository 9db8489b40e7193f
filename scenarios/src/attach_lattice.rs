//! Every pod times every moment: attached at the start, in the middle, inside the takeover, at the tail, and past the end.
//! Whenever and wherever a client attaches, it converges to what a client that was there from the start has.
//! Catches: purge-under-readers.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn attach_lattice(c: &mut Cast) -> Played {
    const TOKENS: u32 = 20;
    let turn = c.post(Pod::first(), Answer::tokens(TOKENS).gate_after(0)).await?;
    let start = c.attach_on_every_pod(&turn).await?;
    c.evidence("every pod attached at the start", start.iter().all(|w| w.tokens() == 0));

    c.provider().open_gate_through(&turn, 5).await?;
    start.each_reach(5).await?;
    let middle = c.attach_on_every_pod(&turn).await?;
    middle.each_reach(5).await?;
    c.evidence(
        "every pod attached in the middle",
        middle.iter().all(|w| w.tokens() == 5),
    );

    let owner = c.owner_of(&turn).await?;
    c.nemesis().kill(&owner).await?;
    let mut inside = Vec::new();
    for pod in c.survivors_of(&owner) {
        inside.push(c.attach(&pod, &turn, "inside-takeover").await?);
    }
    // The dead owner still has the row: nobody has taken over yet.
    let now = c.owner_of(&turn).await?;
    c.evidence("attached inside the takeover", now == owner);

    c.provider().second_call(&turn).await?;
    c.provider().open_gate_through(&turn, TOKENS - 1).await?;
    for watcher in &inside {
        watcher.reaches(TOKENS - 1).await?;
    }
    let mut tail = Vec::new();
    for pod in c.survivors_of(&owner) {
        let watcher = c.attach(&pod, &turn, "tail").await?;
        watcher.reaches(TOKENS - 1).await?;
        tail.push(watcher);
    }
    c.evidence(
        "every survivor attached at the tail",
        tail.iter().all(|w| w.tokens() == TOKENS - 1),
    );

    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    for pod in c.survivors_of(&owner) {
        c.attach(&pod, &turn, "past-the-end").await?;
    }
    c.evidence("every survivor attached past the end", true);
    Ok(())
}
