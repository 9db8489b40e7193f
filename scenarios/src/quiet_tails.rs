//! Clients keep their tails open and nobody asks anything for a while. A tail that is shown nothing is no work: a pod that asks for its
//! next frame without a pause, or is woken by nothing, uses a CPU for it.
//! Catches: burns-cpu-when-idle.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

use crate::common::QUIET;

pub(crate) async fn quiet_tails(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(4)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    c.settled(&turn).await?;
    let is_read = c.nobody_asks_for(QUIET).await;
    c.evidence(
        "what each pod used of a CPU was read while nobody asked anything",
        is_read,
    );
    c.evidence("the tails stayed open", tails.iter().all(|tail| tail.seen().open));
    Ok(())
}
