//! A session is revoked while its tails are open on every pod. They must end within the bound, and show nothing of what is
//! said after it.

use std::time::Duration;

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn session_revoked_on_open_tail(c: &mut Cast) -> Played {
    let before = c.post(Pod::first(), Answer::tokens(4).gate_after(0)).await?;
    let tails = c.attach_on_every_pod(&before).await?;
    c.provider().open_gate(&before).await?;
    c.settled(&before).await?;
    c.revoke_session(Pod::second()).await?;
    for watcher in tails.iter() {
        watcher.ends(Duration::from_secs(4)).await?;
    }
    c.evidence("every tail of the revoked session ended", true);
    let after = c.post(Pod::first(), Answer::tokens(4)).await?;
    c.settled(&after).await?;
    let shown = tails.of(&after).iter().any(|w| w.tokens() > 0);
    c.evidence("nothing later was shown on them", !shown);
    Ok(())
}
