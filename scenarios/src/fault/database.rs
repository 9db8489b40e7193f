//! The database runs, and does not do what the pods need: it ends their sessions, has no place for them, or only lets them read.
//! No acknowledged message is lost, no turn is taken over unless its owner is gone, and every pod says that it cannot serve for as
//! long as the database refuses, and serves again by itself.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played, Stopped, Turn};

use super::dependency::ENDED;

/// Evidence: the pods had sessions, and lost them in time.
pub(super) const SESSIONS_ENDED: &str = "the pods' sessions were ended while the turn ran";
/// Evidence: the pods were refused sessions in time.
pub(super) const NO_PLACE: &str = "the database had no place for the pods while the turn ran";
/// Evidence: the pods were refused writes in time.
pub(super) const NO_WRITES: &str = "the database took no writes while the turn ran";

pub(crate) async fn postgres_backends_terminated(c: &mut Cast) -> Played {
    let turn = held_turn(c).await?;
    let ended = c.nemesis().terminate_backends().await?;
    c.evidence(SESSIONS_ENDED, ended > 0 && !c.is_over(&turn).await?);
    comes_to_its_end(c, &turn).await
}

pub(crate) async fn postgres_connections_exhausted(c: &mut Cast) -> Played {
    let turn = held_turn(c).await?;
    c.nemesis().exhaust_connections().await?;
    c.evidence(NO_PLACE, !c.is_over(&turn).await?);
    // The owner may let go of the turn, because its heartbeat is not stored. So the story waits for none of the model's tokens.
    c.provider().open_gate_through(&turn, 6).await?;
    c.every_pod_says_it_cannot_serve().await?;
    c.lease_passes().await;
    c.nemesis().release_connections().await?;
    comes_to_its_end(c, &turn).await
}

pub(crate) async fn postgres_read_only(c: &mut Cast) -> Played {
    let turn = held_turn(c).await?;
    c.nemesis().forbid_writes().await?;
    c.evidence(NO_WRITES, !c.is_over(&turn).await?);
    c.provider().open_gate_through(&turn, 6).await?;
    // A pod that only reads to find out whether it can serve says that it can. What its word is worth is for the judge.
    match c.every_pod_says_it_cannot_serve().await {
        Ok(()) | Err(Stopped::GaveUp(_)) => {}
        Err(broken) => return Err(broken),
    }
    c.lease_passes().await;
    c.nemesis().let_write().await?;
    comes_to_its_end(c, &turn).await
}

/// A turn that every pod shows the first tokens of, and whose model waits.
pub(super) async fn held_turn(c: &mut Cast) -> Result<Turn, Stopped> {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    Ok(turn)
}

/// The model goes on talking for a while, whatever can be done with what it says.
pub(super) async fn goes_on_without(c: &Cast, turn: &Turn) -> Played {
    c.provider().open_gate_through(turn, 6).await?;
    c.provider().sent(turn, 1, 6).await?;
    Ok(())
}

pub(super) async fn comes_to_its_end(c: &Cast, turn: &Turn) -> Played {
    c.provider().open_gate(turn).await?;
    let status = c.settled(turn).await?;
    c.evidence(ENDED, status.is_terminal());
    Ok(())
}
