//! Nobody is pinned: each request lands on whichever pod comes next, and each pod serves it, warm or cold. A client that leaves and
//! comes back in the middle of an answer finds it on every pod.

use crosspod::plan::Answer;
use crosspod::run::{Cast, Played};
use crosspod::system::parts::Affinity;

pub(crate) async fn affinity_off(c: &mut Cast) -> Played {
    let entry = c.entry_by(Affinity::None)?;
    let client = c.edge_client(&entry)?;
    let turn = c.post_by(&client, Answer::tokens(15).gate_after(3)).await?;
    let mut watcher = c.attach_by(&client, &turn, "unpinned").await?;
    watcher.reaches(3).await?;
    let mut served_by = vec![watcher.pod()];
    for _ in 0..2 * c.pods().len() {
        watcher = c.come_back_by(&watcher, &turn).await?;
        served_by.push(watcher.pod());
    }
    let is_moved = served_by.iter().any(|pod| *pod != served_by[0]);
    c.evidence("a client came back on another pod in the middle of an answer", is_moved);
    let next = c.post_by(&client, Answer::tokens(4)).await?;
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    c.settled(&next).await?;
    Ok(())
}
