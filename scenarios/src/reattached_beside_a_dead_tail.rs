//! A client loses its network in the middle of an answer: its pod is not told, and believes the tail open. The client comes back with the
//! same session to the same pod, and is shown the answer.
//! Catches: one-tail-a-session.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn reattached_beside_a_dead_tail(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    let pod = c.pod(Pod::second());
    let dead = c.attach(&pod, &turn, "loses-its-network").await?;
    dead.reaches(3).await?;
    c.loses_its_network(&dead).await?;
    c.evidence(
        "a tail was believed open when its client came back",
        !c.is_over(&turn).await?,
    );
    let back = c.attach(&pod, &turn, "comes-back").await?;
    back.reaches(3).await?;
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}
