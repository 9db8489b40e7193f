//! A client is led to the pod of its cookie for as long as the cookie lives, whatever other clients do meanwhile, and is a new client
//! outside of the cookie's path. Once the cookie is over it gets another one.
//! Catches: cookie-path-too-broad.

use crosspod::plan::Answer;
use crosspod::run::{Cast, Played};
use crosspod::system::parts::Affinity;

pub(crate) async fn affinity_sticks(c: &mut Cast) -> Played {
    let entry = c.entry_by(Affinity::Cookie)?;
    let client = c.edge_client(&entry)?;
    c.served(&client).await?;
    let turn = c.post_by(&client, Answer::tokens(6).gate_after(3)).await?;
    let watcher = c.attach_by(&client, &turn, "pinned").await?;
    watcher.reaches(3).await?;
    let mut asked_outside = 0;
    for _ in 0..c.pods().len() {
        // Others come in between: an edge that leads by turns would lead the pinned client on.
        c.new_clients(&entry, 1).await?;
        c.served(&client).await?;
        let path = c.public_path();
        asked_outside += u32::from(c.get_by(&client, &path).await.is_some());
    }
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    c.evidence(
        "a client asked below the cookie's path and outside of it",
        asked_outside > 0,
    );
    c.cookie_lifetime_passes().await?;
    c.served(&client).await?;
    c.evidence("a client asked again after its cookie's life", true);
    Ok(())
}
