//! Nobody asks anything of any pod for a while, after a turn that is over. What a pod still does then it does for nothing: a wait that
//! is a loop, a retry without a pause.
//! Catches: burns-cpu-when-idle.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

use crate::common::QUIET;

pub(crate) async fn idle_cluster(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(4)).await?;
    c.settled(&turn).await?;
    let is_read = c.nobody_asks_for(QUIET).await;
    c.evidence(
        "what each pod used of a CPU was read while nobody asked anything",
        is_read,
    );
    Ok(())
}
