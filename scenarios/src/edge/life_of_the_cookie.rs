//! The cookie lives as long as the session that it leads to stays warm. A client that keeps asking either keeps its cookie, if the
//! description says that it slides, or loses it a lifetime after its first issue.

use crosspod::run::{Cast, Played};
use crosspod::system::parts::Affinity;

/// Requests within one lifetime.
const REQUESTS: u32 = 4;

pub(crate) async fn life_of_the_cookie(c: &mut Cast) -> Played {
    let entry = c.entry_by(Affinity::Cookie)?;
    let client = c.edge_client(&entry)?;
    c.served(&client).await?;
    for _ in 0..2 * REQUESTS {
        c.part_of_the_cookie_lifetime_passes(REQUESTS).await?;
        c.served(&client).await?;
    }
    c.evidence("a client asked for twice as long as its first cookie lived", true);
    // Silent for a whole lifetime, it is a new client whichever way the lifetime is counted.
    c.cookie_lifetime_passes().await?;
    c.served(&client).await?;
    Ok(())
}
