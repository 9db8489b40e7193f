//! Silence between the owner and its stores, for longer than its lease. All that the owner said meanwhile arrives after the
//! takeover, in order, on the same connections: a dead owner's writes without a jump of its clock. None may take effect.

use crosspod::history::Bound;
use crosspod::nemesis::{Link, LinkFault, Way};
use crosspod::plan::{Answer, Pod, Selector};
use crosspod::run::{Cast, Fault, Played};

/// The owner said something that the stores did not hear.
pub(super) const HELD: &str = "the owner's words to its stores were held back while the turn ran";
/// The stores heard it after the takeover.
pub(super) const ARRIVED: &str = "all that was held back arrived after the takeover";
/// The turn was not stopped by it for good.
pub(super) const ENDED: &str = "the turn came to its end after it";

pub(super) async fn across_a_takeover(c: &mut Cast, links: &[Link], way: Way) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    let mut injected = Vec::new();
    for link in links {
        let silence = Fault::Cut(*link, way, LinkFault::Hold);
        let fires = turn.is_held().then(turn.shows(3));
        injected.extend(c.nemesis().inject(fires, Selector::Owner, &turn, silence).await?);
    }
    c.provider().open_gate_through(&turn, 6).await?;
    c.nemesis().have_landed(&injected).await?;
    c.evidence(HELD, !c.is_over(&turn).await?);
    // Each fault is aimed at the same owner.
    if let Some(owner) = injected.iter().find_map(|one| one.aim.as_ref()) {
        c.taken_over(&turn, owner, c.patience(Bound::Takeover)).await?;
    }
    let has_arrived = c.nemesis().lift(&injected).await?;
    c.evidence(ARRIVED, has_arrived);
    c.provider().open_gate(&turn).await?;
    let status = c.settled(&turn).await?;
    c.evidence(ENDED, status.is_terminal());
    Ok(())
}
