//! The plays that the stories of links share: a turn is held in the middle, a link of its owner breaks, the turn goes on a
//! little, the link is mended, and the turn goes on to its end.

use std::time::Duration;

use crosspod::history::Bound;
use crosspod::nemesis::{Link, LinkFault, Way};
use crosspod::plan::{Answer, Pod, Selector};
use crosspod::run::{Cast, Fault, Played};

/// Evidence: the fault landed.
pub(super) const LANDED: &str = "the fault landed while the turn ran";
/// Evidence: the turn was not stopped by the fault for good.
pub(super) const ENDED: &str = "the turn came to its end after it";

/// The event that the story waits for before it mends the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// The fault has landed.
    Landed,
    /// A lease is over. No pod takes the turn from an owner whose heartbeats are still stored.
    ALease,
    /// Another pod has taken the turn, because the owner's heartbeats are not stored.
    TakenOver,
}

/// A text in every token of a first call, whatever a system wraps it in.
pub(super) const TOKEN: &str = ".c1.k";

/// The entry of a story of [`of_owner`]: the link, the fault of it, and the event that the story waits for before it mends the link.
macro_rules! cut {
    (
        $link:ident, $name:literal: $about:literal,
        $way:ident, $fault:ident $({ $($field:ident: $value:expr),* })?, $then:ident
    ) => {{
        use crosspod::history::Capability;
        use crosspod::nemesis::{Link, LinkFault, Way};
        use crosspod::system::needs::Need;

        use super::link::{ENDED, LANDED, Until, of_owner};

        Story {
            name: concat!("fault::", $name),
            about: $about,
            needs: cut!(@needs $link, $then),
            faults: &[cut!(@named $fault)],
            catches: &[],
            evidence: &[LANDED, ENDED],
            play: |cast| {
                let fault = LinkFault::$fault $({ $($field: $value),* })?;
                Box::pin(of_owner(cast, Link::$link, Way::$way, fault, Until::$then))
            },
        }
    }};
    // Every system has a provider.
    (@needs Provider, Landed) => {
        &[Need::Attach, Need::Has(Capability::Owner)]
    };
    (@needs Provider, ALease) => {
        &[Need::Attach, Need::Has(Capability::Owner), Need::Bound(crosspod::history::Bound::Lease)]
    };
    (@needs $link:ident, Landed) => {
        &[Need::Attach, Need::Has(Capability::Owner), Need::Part(crosspod::system::parts::Role::$link)]
    };
    (@needs $link:ident, ALease) => {
        &[
            Need::Attach,
            Need::Has(Capability::Owner),
            Need::Part(crosspod::system::parts::Role::$link),
            Need::Bound(crosspod::history::Bound::Lease),
        ]
    };
    (@needs $link:ident, TakenOver) => {
        &[
            Need::Attach,
            Need::Has(Capability::Owner),
            Need::Part(crosspod::system::parts::Role::$link),
            Need::Pods(2),
            Need::Survivor,
            Need::Bound(crosspod::history::Bound::Takeover),
        ]
    };
    (@named Blackhole) => { "blackhole" };
    (@named Reset) => { "reset" };
    (@named Latency) => { "latency" };
    (@named Bandwidth) => { "bandwidth" };
    (@named Slice) => { "slice" };
    (@named CutAfter) => { "cut-after" };
    (@named CutInside) => { "cut-inside" };
    (@named HalfOpen) => { "half-open" };
    (@named PacketLoss) => { "packet-loss" };
}
pub(super) use cut;

/// A fault on a link of the owner to what it depends on.
pub(super) async fn of_owner(c: &mut Cast, link: Link, way: Way, fault: LinkFault, until: Until) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    let fault = Fault::Cut(link, way, fault);
    let injected = c
        .nemesis()
        .inject(turn.is_held().then(turn.shows(3)), Selector::Owner, &turn, fault)
        .await?;
    c.provider().open_gate_through(&turn, 6).await?;
    c.nemesis().have_landed(&injected).await?;
    let is_over = c.is_over(&turn).await?;
    if is_over && link == Link::Provider {
        // An answer that is cut off may end its turn at once. That it was cut off is then the provider's to say.
        c.provider().abandoned(&turn, 1).await?;
    }
    c.evidence(LANDED, !is_over || link == Link::Provider);
    match until {
        Until::Landed => {}
        Until::ALease => c.lease_passes().await,
        Until::TakenOver => {
            for owner in injected.iter().filter_map(|one| one.aim.as_ref()) {
                c.taken_over(&turn, owner, c.patience(Bound::Takeover)).await?;
            }
        }
    }
    c.nemesis().mend_links(&injected).await?;
    c.provider().open_gate(&turn).await?;
    let status = c.settled(&turn).await?;
    c.evidence(ENDED, status.is_terminal());
    Ok(())
}

/// The behaviour of the client at the end of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    /// It goes on watching: the link is bad and not broken.
    Stays,
    /// Its stream ends, and it comes back to where it was.
    IsCutOff,
    /// It hears nothing, goes away, and comes back to where it was.
    GivesUp,
}

/// A fault between the owner's pod and a client.
pub(super) async fn at_the_edge(c: &mut Cast, way: Way, fault: LinkFault, client: Client) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(12).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    let watcher = c.attach_through_link(&owner.owner, &turn, "through-link").await?;
    watcher.reaches(3).await?;
    let fault = Fault::Cut(Link::Edge, way, fault);
    let injected = c.nemesis().inject(turn.shows(3), Selector::Owner, &turn, fault).await?;
    c.provider().open_gate_through(&turn, 6).await?;
    c.nemesis().have_landed(&injected).await?;
    c.evidence(LANDED, !c.is_over(&turn).await?);
    match client {
        Client::Stays => watcher.reaches(6).await?,
        Client::IsCutOff => watcher.ends(Duration::from_secs(2)).await?,
        Client::GivesUp => c.lease_passes().await,
    }
    if client != Client::Stays {
        let missed = 6_u32.saturating_sub(watcher.tokens());
        let cursor = c.leave(watcher).await?;
        c.nemesis().mend_links(&injected).await?;
        let back = c.come_back_through_link(cursor, &owner.owner, &turn).await?;
        back.reaches(missed).await?;
    }
    c.provider().open_gate(&turn).await?;
    let status = c.settled(&turn).await?;
    if client == Client::Stays {
        c.nemesis().mend_links(&injected).await?;
    }
    c.evidence(ENDED, status.is_terminal());
    Ok(())
}
