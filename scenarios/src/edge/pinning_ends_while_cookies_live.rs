//! Affinity is taken away while clients still hold their cookies, as when the labels are removed. Their requests land anywhere: whatever
//! a cold pod says at first must heal, and every answer stays whole. Then affinity is there again.

use crosspod::plan::Answer;
use crosspod::run::{Cast, Played};
use crosspod::system::parts::Affinity;

pub(crate) async fn pinning_ends_while_cookies_live(c: &mut Cast) -> Played {
    let (entry, path) = (c.entry_by(Affinity::Cookie)?, c.cookie_path()?);
    let client = c.edge_client(&entry)?;
    c.served(&client).await?;
    let turn = c.post_by(&client, Answer::tokens(12).gate_after(3)).await?;
    let watcher = c.attach_by(&client, &turn, "pinned").await?;
    watcher.reaches(3).await?;
    c.edge().pin_nobody().await?;
    c.served(&client).await?;
    let held = client.cookie_for(&path).is_some();
    c.evidence("a client with a living cookie asked while nobody was pinned", held);
    let again = c.come_back_by(&watcher, &turn).await?;
    c.new_clients(&entry, 2 * c.pods().len()).await?;
    let next = c.post_by(&client, Answer::tokens(5)).await?;
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    c.settled(&next).await?;
    drop(again);
    c.edge().pin_again().await?;
    let other = c.edge_client(&entry)?;
    c.served(&other).await?;
    c.served(&other).await?;
    Ok(())
}
