//! The database or the broker is restarted, dies or stands still in the middle of an answer, for all pods at once. What was
//! acknowledged is not lost, nobody takes a turn for another reason than that its owner is gone, and every pod serves
//! again by itself.

use crosspod::nemesis::Role;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

/// Evidence: the dependency was gone while the turn ran.
pub(super) const GONE: &str = "the dependency was gone while the turn ran";
/// Evidence: the turn was not stopped by the fault for good.
pub(super) const ENDED: &str = "the turn came to its end after it";

/// How a dependency goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// It gets SIGTERM, and is started again.
    Stops,
    /// It is killed, and is started again.
    Dies,
    /// It is frozen for a lease, and goes on.
    Freezes,
}

/// A dependency goes, the model goes on talking, and the dependency is back.
pub(super) async fn goes(c: &mut Cast, dependency: Role, how: How) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    c.evidence(GONE, !c.is_over(&turn).await?);
    match how {
        How::Stops => c.nemesis().stop(dependency).await?,
        How::Dies => c.nemesis().crash(dependency).await?,
        How::Freezes => c.nemesis().freeze(dependency).await?,
    }
    c.provider().open_gate_through(&turn, 6).await?;
    c.provider().sent(&turn, 1, 6).await?;
    if how == How::Freezes {
        c.lease_passes().await;
        c.nemesis().thaw(dependency).await?;
    } else {
        c.nemesis().mend(dependency).await?;
    }
    c.provider().open_gate(&turn).await?;
    let status = c.settled(&turn).await?;
    c.evidence(ENDED, status.is_terminal());
    Ok(())
}
