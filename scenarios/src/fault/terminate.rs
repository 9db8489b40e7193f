//! A pod is told to stop and nothing keeps it from leaving in good order: an owner finishes what it has, a bystander goes
//! at once, and nobody loses an answer by it.

use crosspod::plan::{Answer, Pod, Selector};
use crosspod::run::{Blow, Cast, Played};

pub(crate) async fn terminate(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    let struck = c
        .nemesis()
        .strike(turn.shows(3), Selector::Owner, &turn, Blow::Terminate)
        .await?;
    c.evidence(
        "the owner was told to stop while its turn ran",
        !c.is_over(&turn).await?,
    );
    for one in &struck {
        c.drains(&one.pod).await?;
    }
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    leave(c, "the owner left in good order", &struck).await
}

pub(crate) async fn terminate_bystander(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    let struck = c
        .nemesis()
        .strike(turn.shows(3), Selector::Survivor(0), &turn, Blow::Terminate)
        .await?;
    let mark = "a bystander left in good order while the turn ran";
    leave(c, mark, &struck).await?;
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}

/// Sees those who were told to stop leave, and starts them again.
async fn leave(c: &mut Cast, mark: &str, struck: &[crosspod::run::Struck]) -> Played {
    for one in struck {
        let code = c.nemesis().gone(&one.pod).await?;
        c.evidence(mark, code == 0);
        c.nemesis().start(&one.pod).await?;
    }
    Ok(())
}
