//! The provider itself misbehaves, in all the ways that its control language has words for: it refuses, thinks long, stalls,
//! stops in the middle in good order or in bad, or says nothing at all. A turn ends, in whole or in words, and a piece of an
//! answer never passes for the whole.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

/// Evidence: the provider was called, and followed its script.
pub(super) const CALLED: &str = "the provider was called and misbehaved";
/// Evidence: the turn was not stopped by the fault for good.
pub(super) const ENDED: &str = "the turn came to its end after it";

/// The provider misbehaves from the beginning of a call, or in its middle and by itself.
pub(super) async fn misbehaves(c: &mut Cast, answer: Answer) -> Played {
    let turn = c.post(Pod::first(), answer).await?;
    c.attach_on_every_pod(&turn).await?;
    c.provider().nth_call(&turn, 1).await?;
    let status = c.settled(&turn).await?;
    c.evidence(CALLED, c.provider().calls(&turn).await? > 0);
    c.evidence(ENDED, status.is_terminal());
    Ok(())
}

/// The provider breaks an answer off after its fifth token, which every watcher has seen by then.
pub(super) async fn breaks_off(c: &mut Cast, answer: Answer) -> Played {
    let turn = c.post(Pod::first(), answer.gate_after(5)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(5).await?;
    c.evidence(CALLED, !c.is_over(&turn).await?);
    c.provider().open_gate(&turn).await?;
    let status = c.settled(&turn).await?;
    c.evidence(ENDED, status.is_terminal());
    Ok(())
}
