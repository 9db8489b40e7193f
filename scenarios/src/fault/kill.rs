//! Pods die without a word, whichever they are to the turn: the owner, the one that took the message, those that only
//! show it, most of them, all of them, or the heir right after the owner. The turn is answered all the same.

use std::time::Duration;

use crosspod::history::{Bound, Status};
use crosspod::plan::{Answer, Pod, Selector, Trigger};
use crosspod::run::{Cast, Fault, Injected, Played, Turn};
use crosspod::system::needs::Need;

/// A turn that stands still after its third token, watched on every pod.
async fn held_turn(c: &mut Cast) -> Result<Turn, crosspod::run::Stopped> {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?;
    Ok(turn)
}

/// Lets the turn go on and sees it end.
async fn goes_on(c: &mut Cast, turn: &Turn) -> Played {
    c.provider().open_gate(turn).await?;
    c.settled(turn).await?;
    Ok(())
}

async fn start_again(c: &mut Cast, injected: &[Injected]) -> Played {
    let pods: Vec<_> = injected.iter().map(|one| one.pod.clone()).collect();
    c.nemesis().start_together(&pods).await
}

pub(crate) async fn kill(c: &mut Cast) -> Played {
    let turn = held_turn(c).await?;
    // A watcher on each pod: the last showing of the token is the last watcher's.
    let watchers = u32::try_from(c.pods().len()).unwrap_or(u32::MAX);
    let shown = turn.shows(3).times(watchers);
    let injected = c.nemesis().inject(shown, Selector::Owner, &turn, Fault::Kill).await?;
    c.evidence("the owner died while its turn ran", !c.is_over(&turn).await?);
    let owner = injected.into_iter().find_map(|one| one.aim);
    // Where nobody takes over, the turn fails where its client can see it.
    if let Some(owner) = owner.filter(|_| c.can(&[Need::Survivor])) {
        c.taken_over(&turn, &owner, c.patience(Bound::Takeover)).await?;
    }
    goes_on(c, &turn).await
}

pub(crate) async fn kill_bystanders(c: &mut Cast) -> Played {
    let turn = held_turn(c).await?;
    let trigger = Trigger::all([turn.is_held(), turn.shows(3)]);
    let injected = c
        .nemesis()
        .inject(trigger, Selector::NonOwners, &turn, Fault::Kill)
        .await?;
    c.evidence("the others died while the turn ran", !c.is_over(&turn).await?);
    goes_on(c, &turn).await?;
    start_again(c, &injected).await
}

pub(crate) async fn kill_accepter(c: &mut Cast) -> Played {
    let turn = held_turn(c).await?;
    let trigger = turn.is(Status::InProgress).then(turn.shows(3));
    c.nemesis()
        .inject(trigger, Selector::Accepter, &turn, Fault::Kill)
        .await?;
    c.evidence("the accepter died while the turn ran", !c.is_over(&turn).await?);
    goes_on(c, &turn).await
}

pub(crate) async fn kill_any(c: &mut Cast) -> Played {
    let turn = held_turn(c).await?;
    c.nemesis()
        .inject(turn.is_called(1), Selector::Random, &turn, Fault::Kill)
        .await?;
    c.evidence("a pod died while the turn ran", !c.is_over(&turn).await?);
    goes_on(c, &turn).await
}

pub(crate) async fn kill_most(c: &mut Cast) -> Played {
    let turn = held_turn(c).await?;
    let trigger = turn.shows(3).after(Duration::from_millis(20));
    let injected = c
        .nemesis()
        .inject(trigger, Selector::Majority, &turn, Fault::Kill)
        .await?;
    c.evidence("most of the pods died while the turn ran", !c.is_over(&turn).await?);
    if let Some(owner) = injected.into_iter().find_map(|one| one.aim) {
        c.taken_over(&turn, &owner, c.patience(Bound::Takeover)).await?;
    }
    goes_on(c, &turn).await
}

pub(crate) async fn kill_all(c: &mut Cast) -> Played {
    let turn = held_turn(c).await?;
    let injected = c
        .nemesis()
        .inject(turn.shows(3), Selector::All, &turn, Fault::Kill)
        .await?;
    c.evidence("every pod died while the turn ran", !c.is_over(&turn).await?);
    start_again(c, &injected).await?;
    c.provider().second_call(&turn).await?;
    goes_on(c, &turn).await
}

pub(crate) async fn kill_heir(c: &mut Cast) -> Played {
    let turn = held_turn(c).await?;
    let injected = c
        .nemesis()
        .inject(turn.shows(3), Selector::Owner, &turn, Fault::Kill)
        .await?;
    let Some(owner) = injected.into_iter().find_map(|one| one.aim) else {
        return Ok(());
    };
    let died = Trigger::FaultLanded { fault: "kill".into() };
    let trigger = died.then(turn.is_taken_from(&owner));
    let injected = c.nemesis().inject(trigger, Selector::Owner, &turn, Fault::Kill).await?;
    c.evidence("the heir died while the turn ran", !c.is_over(&turn).await?);
    if let Some(heir) = injected.into_iter().find_map(|one| one.aim) {
        c.taken_over(&turn, &heir, c.patience(Bound::Takeover)).await?;
    }
    goes_on(c, &turn).await
}
