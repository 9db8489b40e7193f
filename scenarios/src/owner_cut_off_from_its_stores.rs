//! The owner lives, answers requests, and reaches neither the database nor the broker, if there is one: its side of a partition. The
//! others must take its turn over as they would a dead pod's, and what it says once the partition is over must come to nothing.
//! Catches: partition-never-taken-over.

use crosspod::history::Bound;
use crosspod::nemesis::{Link, LinkFault, Way};
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};
use crosspod::system::needs::Need;
use crosspod::system::parts::Role;

/// The links to the stores; the broker's is the last.
const BOTH: [Link; 2] = [Link::Postgres, Link::Nats];

pub(crate) async fn owner_cut_off_from_its_stores(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    let mut cuts = Vec::new();
    let has_broker = c.can(&[Need::Part(Role::Nats)]);
    let links = if has_broker { &BOTH[..] } else { &BOTH[..1] };
    for link in links.iter().copied() {
        cuts.push(c.nemesis().cut(&owner, link, Way::Both, LinkFault::Blackhole).await?);
    }
    for cut in &cuts {
        c.nemesis().cut_landed(cut).await?;
    }
    let heir = c.taken_over(&turn, &owner, c.patience(Bound::Takeover)).await?;
    c.evidence(
        "the turn was taken from an owner that reached none of its stores",
        heir.owner != owner.owner,
    );
    c.provider().second_call(&turn).await?;
    for cut in &cuts {
        c.nemesis().mend_link(cut).await?;
    }
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}
