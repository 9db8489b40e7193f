//! A browser keeps a thread's stream open. The pod that serves it dies in the middle of an answer, and the browser comes back by itself: as
//! soon as the server said, with the id of the last event, to the pod that the edge leads it to.

use crosspod::plan::Answer;
use crosspod::run::{Cast, Played};
use crosspod::system::parts::Affinity;

pub(crate) async fn kept_open(c: &mut Cast) -> Played {
    let entry = c.entry_by(Affinity::Cookie)?;
    let client = c.edge_client(&entry)?;
    let turn = c.post_by(&client, Answer::tokens(12).gate_after(3)).await?;
    let source = c.keep_open(&client, &turn)?;
    let served_by = source.reaches(3).await?;
    c.nemesis().kill_pod(&served_by, None).await?;
    let heir = source.is_served_elsewhere(&served_by).await?;
    c.evidence("an event source came back by itself on another pod", heir != served_by);
    c.provider().open_gate(&turn).await?;
    source.sees_the_end().await?;
    c.settled(&turn).await?;
    Ok(())
}
