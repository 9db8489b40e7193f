//! Clients attach, and come back, while the answer flows: pieces of it are published in the very moment in which their tails are
//! opened. Whatever a tail reads first and hears later, no piece may fall in between.
//! Catches: replay-then-subscribe-gap, subscription-outlives-tail.

use std::time::Duration;

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

/// Pause between two tokens: shorter than a tail takes to open.
const PAUSE: Duration = Duration::from_millis(60);

pub(crate) async fn attached_while_tokens_flow(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(50).paced(PAUSE)).await?;
    let first = c.attach_on_every_pod(&turn).await?;
    first.each_reach(5).await?;
    let second = c.attach_on_every_pod(&turn).await?;
    second.each_reach(15).await?;
    for watcher in first.iter() {
        c.reconnect(watcher, &watcher.pod(), &turn).await?;
    }
    c.evidence("tails were opened while tokens flowed", !c.is_over(&turn).await?);
    c.settled(&turn).await?;
    Ok(())
}
