//! A pod is frozen with its sockets open, past its lease, and wakes. An owner must let go of what was taken from it; a
//! bystander must show what it missed.

use crosspod::history::Bound;
use crosspod::plan::{Answer, Pod, Selector, Trigger};
use crosspod::run::{Cast, Fault, Played};

pub(crate) async fn pause(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    let injected = c
        .nemesis()
        .inject(turn.shows(3), Selector::Owner, &turn, Fault::Pause)
        .await?;
    let Some(owner) = injected.into_iter().find_map(|one| one.aim) else {
        return Ok(());
    };
    let heir = c.taken_over(&turn, &owner, c.patience(Bound::Takeover)).await?;
    c.evidence("the turn was taken over while the owner was frozen", heir != owner);
    let woken = c.now();
    c.nemesis().resume(&owner).await?;
    c.acts_on_its_loss(&owner, woken).await?;
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}

pub(crate) async fn pause_bystander(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    let trigger = Trigger::any([turn.shows(3), turn.is_held()]);
    let injected = c
        .nemesis()
        .inject(trigger, Selector::Survivor(0), &turn, Fault::Pause)
        .await?;
    c.lease_passes().await;
    let now = c.owner_of(&turn).await?;
    c.evidence("the turn ran on while another pod was frozen", now == owner);
    for one in injected {
        c.nemesis().resume_pod(&one.pod).await?;
    }
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}
