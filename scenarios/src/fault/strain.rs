//! A pod gets less of its machine than it needs: memory, processor time, descriptors. It dies of the first, is slow by the
//! second, and must bear the third: what is open goes on, what would be opened waits until there is room.

use crosspod::history::Bound;
use crosspod::plan::{Answer, Pod, Selector, Trigger};
use crosspod::run::{Cast, Fault, Played};

/// Hundredths of a processor: the least that engines give.
const HARDLY_ANY: u8 = 1;

pub(crate) async fn out_of_memory(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    let fires = Trigger::all([turn.is_held(), turn.shows(3)]);
    let injected = c
        .nemesis()
        .inject(fires, Selector::Owner, &turn, Fault::LimitMemory)
        .await?;
    c.nemesis().have_landed(&injected).await?;
    c.evidence(
        "the owner ran out of memory while its turn ran",
        !c.is_over(&turn).await?,
    );
    for owner in injected.iter().filter_map(|one| one.aim.as_ref()) {
        c.taken_over(&turn, owner, c.patience(Bound::Takeover)).await?;
        c.nemesis().start(&owner.owner).await?;
    }
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}

pub(crate) async fn cpu_throttled(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(60).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    let fault = Fault::ThrottleCpu(HARDLY_ANY);
    let injected = c
        .nemesis()
        .inject(
            Trigger::all([turn.is_held(), turn.shows(3)]),
            Selector::Owner,
            &turn,
            fault,
        )
        .await?;
    c.evidence("the owner was throttled while its turn ran", !c.is_over(&turn).await?);
    c.provider().open_gate_through(&turn, 40).await?;
    c.nemesis().have_landed(&injected).await?;
    for one in &injected {
        c.nemesis().end_throttling(&one.pod).await?;
    }
    c.provider().open_gate(&turn).await?;
    let status = c.settled(&turn).await?;
    c.evidence("the turn came to its end after it", status.is_terminal());
    Ok(())
}

pub(crate) async fn descriptors_exhausted(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    let fault = Fault::ExhaustDescriptors;
    let injected = c
        .nemesis()
        .inject(
            Trigger::all([turn.is_held(), turn.shows(3)]),
            Selector::Owner,
            &turn,
            fault,
        )
        .await?;
    c.evidence(
        "the owner could open nothing more while its turn ran",
        !c.is_over(&turn).await?,
    );
    c.provider().open_gate_through(&turn, 6).await?;
    tails.each_reach(6).await?;
    let owner_now = c.owner_of(&turn).await?;
    c.evidence(
        "streams in flight went on, and their owner with them",
        owner_now == owner,
    );
    for one in &injected {
        c.nemesis().give_descriptors_back(&one.pod).await?;
    }
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    c.every_pod_serves().await
}

pub(crate) async fn descriptors_exhausted_bystander(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let fault = Fault::ExhaustDescriptors;
    let injected = c
        .nemesis()
        .inject(turn.shows(3), Selector::Survivor(0), &turn, fault)
        .await?;
    c.evidence(
        "a pod could open nothing more while the turn ran",
        !c.is_over(&turn).await?,
    );
    c.provider().open_gate(&turn).await?;
    for one in &injected {
        if let Some(there) = tails.on(&one.pod) {
            there.reaches(12).await?;
        }
    }
    c.evidence("its stream in flight was shown to the end", !injected.is_empty());
    c.settled(&turn).await?;
    for one in &injected {
        c.nemesis().give_descriptors_back(&one.pod).await?;
    }
    c.every_pod_serves().await
}
