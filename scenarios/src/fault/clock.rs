//! Wall clocks jump: of the pod that owns a turn, or of those that would take it. Nobody may take a turn for another reason
//! than that its owner is gone, and when it is gone, nobody may take it later.

use std::time::Duration;

use crosspod::history::Bound;
use crosspod::nemesis::Shift;
use crosspod::plan::{Answer, Pod, Selector, Trigger};
use crosspod::run::{Cast, Fault, Injected, Played, Stopped, Turn};

/// Evidence: the fault landed in time.
pub(super) const SHIFTED: &str = "a clock was shifted while the turn ran";
/// Evidence: the owner kept its turn.
pub(super) const STAYED: &str = "the turn stayed with its owner for longer than a lease";
/// Evidence: a takeover was still possible.
pub(super) const FOLLOWED: &str = "a survivor with a shifted clock took the turn over";

/// Beyond any lease.
const FAR: Duration = Duration::from_hours(1);
pub(super) const FORWARD: Shift = Shift::Forward(FAR);
pub(super) const BACKWARD: Shift = Shift::Backward(FAR);

/// Shifts clocks in the middle of an answer, lets a lease pass, and lets the answer go on a little.
async fn shifted(c: &mut Cast, by: Shift, at: Selector) -> Result<(Turn, Vec<Injected>), Stopped> {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    let trigger = Trigger::all([turn.is_held(), turn.shows(3)]);
    let injected = c.nemesis().inject(trigger, at, &turn, Fault::ShiftClock(by)).await?;
    c.evidence(SHIFTED, !c.is_over(&turn).await?);
    c.lease_passes().await;
    c.provider().open_gate_through(&turn, 6).await?;
    tails.each_reach(6).await?;
    c.evidence(STAYED, c.owner_of(&turn).await? == owner);
    Ok((turn, injected))
}

pub(super) async fn of_owner(c: &mut Cast, by: Shift) -> Played {
    let (turn, injected) = shifted(c, by, Selector::Owner).await?;
    for one in &injected {
        c.nemesis().set_clock_right(&one.pod).await?;
    }
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}

pub(super) async fn of_survivors(c: &mut Cast, by: Shift) -> Played {
    let (turn, injected) = shifted(c, by, Selector::NonOwners).await?;
    let owner = c.owner_of(&turn).await?;
    c.nemesis().kill(&owner).await?;
    let heir = c.taken_over(&turn, &owner, c.patience(Bound::Takeover)).await?;
    c.evidence(FOLLOWED, injected.iter().any(|one| one.pod == heir.owner));
    for one in &injected {
        c.nemesis().set_clock_right(&one.pod).await?;
    }
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}
