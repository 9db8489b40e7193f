//! The broker is gone in the moment in which a turn ends: the end is stored, and cannot be published. Once the broker is
//! back, every watcher must be shown the end, by any pod.
//! Catches: terminal-publish-swallowed.

use crosspod::nemesis::Role;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

/// The answer's number of tokens.
const TOKENS: u32 = 6;

pub(crate) async fn nats_gone_at_the_end(c: &mut Cast) -> Played {
    gone_at_the_end(c, Role::Nats).await
}

/// The part that keeps the stream log is gone when a turn ends, and comes back.
pub(crate) async fn gone_at_the_end(c: &mut Cast, log: Role) -> Played {
    // Held after its last token: what is left to do is to end.
    let turn = c.post(Pod::first(), Answer::tokens(TOKENS).gate_after(TOKENS)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(TOKENS).await?;
    c.nemesis().crash(log).await?;
    c.provider().open_gate(&turn).await?;
    c.ended(&turn).await?;
    let untold = tails
        .iter()
        .all(|w| w.seen().turns.get(&turn.id).is_none_or(|t| t.finished.is_none()));
    c.evidence("the turn ended while it could not be told", untold);
    c.nemesis().mend(log).await?;
    c.settled(&turn).await?;
    Ok(())
}
