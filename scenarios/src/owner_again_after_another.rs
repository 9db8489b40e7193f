//! A turn goes from its owner to another pod and back again: what a pod remembers of its first attempt must not be taken for its
//! second.

use crosspod::history::Bound;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn owner_again_after_another(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(20).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let first = c.owner_of(&turn).await?;
    let mut others = c.survivors_of(&first);
    let between = others.remove(0);
    for other in &others {
        c.nemesis().pause_pod(other).await?; // the turn has two pods to be with
    }
    c.nemesis().pause(&first).await?;
    let second = c.taken_over(&turn, &first, c.patience(Bound::Takeover)).await?;
    c.provider().held(&turn, 2).await?;
    let woken = c.now();
    c.nemesis().resume(&first).await?;
    c.acts_on_its_loss(&first, woken).await?;
    c.nemesis().pause(&second).await?;
    let bound = c.bound(Bound::Lease) + c.patience(Bound::Takeover);
    let third = c.taken_over(&turn, &second, bound).await?;
    c.evidence(
        "the turn went from its owner to another pod and back",
        second.owner == between && third.owner == first.owner,
    );
    c.provider().held(&turn, 3).await?;
    let woken = c.now();
    c.nemesis().resume(&second).await?;
    c.acts_on_its_loss(&second, woken).await?;
    for other in &others {
        c.nemesis().resume_pod(other).await?;
    }
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}
