//! Pods that die while they boot, once or again and again, and one that is back before anybody has missed it. What boots
//! half must leave nothing behind that the next life or the others stumble over.

use crosspod::plan::{Answer, Pod, Selector};
use crosspod::run::{Cast, Fault, Injected, Played, Stopped, Turn};

/// A turn whose provider waits in its middle, after its owner has died.
async fn bereft_turn(c: &mut Cast) -> Result<(Turn, Vec<Injected>), Stopped> {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    let injected = c
        .nemesis()
        .inject(turn.shows(3), Selector::Owner, &turn, Fault::Kill)
        .await?;
    Ok((turn, injected))
}

async fn goes_on(c: &mut Cast, turn: &Turn, injected: &[Injected]) -> Played {
    for one in injected {
        c.nemesis().start(&one.pod).await?;
    }
    c.provider().open_gate(turn).await?;
    c.settled(turn).await?;
    Ok(())
}

pub(crate) async fn restart(c: &mut Cast) -> Played {
    let (turn, injected) = bereft_turn(c).await?;
    for one in &injected {
        c.nemesis().start(&one.pod).await?;
    }
    c.evidence(
        "the owner died and was started again while its turn ran",
        !c.is_over(&turn).await?,
    );
    c.provider().second_call(&turn).await?;
    goes_on(c, &turn, &[]).await
}

pub(crate) async fn crash_at_boot(c: &mut Cast) -> Played {
    let (turn, injected) = bereft_turn(c).await?;
    for one in &injected {
        c.nemesis().crash_at_boot(&one.pod).await?;
    }
    c.evidence("a pod died before it was ready", !injected.is_empty());
    goes_on(c, &turn, &injected).await
}

pub(crate) async fn crash_loop(c: &mut Cast) -> Played {
    const TIMES: usize = 3;
    let (turn, injected) = bereft_turn(c).await?;
    for one in &injected {
        for _ in 0..TIMES {
            c.nemesis().crash_at_boot(&one.pod).await?;
        }
    }
    c.evidence("a pod died three times before it was ready", !injected.is_empty());
    goes_on(c, &turn, &injected).await
}
