//! The stream log is lost with all that it held in the middle of an answer, with the broker's storage or alone. The pods make it anew
//! by themselves and the answer goes on in it. A client that attaches now is shown the earlier part from the database. A client that
//! watched is shown a resync and misses nothing. A Redis store may lose more than the log: whatever the pods keep there.

use crosspod::nemesis::Role;
use crosspod::run::{Cast, LostLog, Played, Turn};

use super::database::{comes_to_its_end, goes_on_without, held_turn};

/// Evidence: the log was lost in time.
pub(super) const LOST: &str = "the stream log was lost while the turn ran";
/// Evidence: the store lost its keys in time.
pub(super) const FLUSHED: &str = "the Redis store lost every key while the turn ran";
/// Evidence: there was a log again before the turn was over.
pub(super) const ANEW: &str = "the pods made the stream log anew while the turn ran";

pub(crate) async fn nats_storage_wiped(c: &mut Cast) -> Played {
    let turn = held_turn(c).await?;
    let lost = c.nemesis().wipe_broker().await?;
    c.evidence(LOST, !c.is_over(&turn).await?);
    goes_on_without(c, &turn).await?;
    c.nemesis().mend(Role::Nats).await?;
    goes_on_in_another(c, &turn, lost).await
}

pub(crate) async fn nats_stream_deleted(c: &mut Cast) -> Played {
    let turn = held_turn(c).await?;
    let lost = c.nemesis().delete_stream().await?;
    c.evidence(LOST, !c.is_over(&turn).await?);
    goes_on_without(c, &turn).await?;
    goes_on_in_another(c, &turn, lost).await
}

pub(crate) async fn redis_flushed(c: &mut Cast) -> Played {
    let turn = held_turn(c).await?;
    c.nemesis().flush().await?;
    c.evidence(FLUSHED, !c.is_over(&turn).await?);
    goes_on_without(c, &turn).await?;
    c.attach_on_every_pod(&turn).await?;
    comes_to_its_end(c, &turn).await
}

/// A client that attaches while the log lacks the beginning of the answer sees it whole, and so do those that watch.
async fn goes_on_in_another(c: &mut Cast, turn: &Turn, lost: LostLog) -> Played {
    c.log_is_made_anew(lost).await?;
    c.evidence(ANEW, !c.is_over(turn).await?);
    let late = c.attach_on_every_pod(turn).await?;
    late.each_reach(6).await?;
    comes_to_its_end(c, turn).await
}
