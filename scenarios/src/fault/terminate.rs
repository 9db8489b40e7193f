//! A pod gets SIGTERM and nothing keeps it from leaving in good order: an owner finishes what it has, a bystander goes
//! at once, and nobody loses an answer by it. Or its grace is cut short by a kill, and nobody loses an answer by that either.

use crosspod::history::Bound;
use crosspod::plan::{Answer, Pod, Selector};
use crosspod::run::{Cast, Fault, Injected, Played};

use crate::common::is_in_good_order;

pub(crate) async fn terminate(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    let injected = c
        .nemesis()
        .inject(turn.shows(3), Selector::Owner, &turn, Fault::Terminate)
        .await?;
    c.evidence(
        "the owner was told to stop while its turn ran",
        !c.is_over(&turn).await?,
    );
    for one in &injected {
        c.drains(&one.pod).await?;
    }
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    leave(c, "the owner left in good order", &injected).await
}

pub(crate) async fn terminate_then_kill(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    let injected = c
        .nemesis()
        .inject(turn.shows(3), Selector::Owner, &turn, Fault::Terminate)
        .await?;
    let Some(owner) = injected.into_iter().find_map(|one| one.aim) else {
        return Ok(());
    };
    c.drains(&owner.owner).await?;
    c.provider().open_gate_through(&turn, 6).await?;
    // The owner goes on with its turn, so its drain is under way and far from over.
    let killed = c
        .nemesis()
        .inject(turn.shows(6), Selector::Owner, &turn, Fault::Kill)
        .await?;
    let in_its_drain = killed.iter().any(|one| one.aim.as_ref() == Some(&owner));
    c.evidence(
        "the owner was killed within its grace, while its turn ran",
        in_its_drain && !c.is_over(&turn).await?,
    );
    c.nemesis().gone(&owner.owner).await?;
    let heir = c.taken_over(&turn, &owner, c.patience(Bound::Takeover)).await?;
    c.evidence("a survivor took the turn over", heir != owner);
    c.nemesis().start(&owner.owner).await?;
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}

pub(crate) async fn terminate_bystander(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    let injected = c
        .nemesis()
        .inject(turn.shows(3), Selector::Survivor(0), &turn, Fault::Terminate)
        .await?;
    let mark = "a bystander left in good order while the turn ran";
    leave(c, mark, &injected).await?;
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}

/// Waits until the terminated pods have left, and starts them again.
async fn leave(c: &mut Cast, mark: &str, injected: &[Injected]) -> Played {
    for one in injected {
        let code = c.nemesis().gone(&one.pod).await?;
        c.evidence(mark, is_in_good_order(code));
        c.nemesis().start(&one.pod).await?;
    }
    Ok(())
}
