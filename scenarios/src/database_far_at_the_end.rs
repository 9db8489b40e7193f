//! The database is far away from the owner while its turn ends: whatever the owner says to it arrives late. An owner that announces the
//! end before the commit shows it for as long as that takes.
//! Catches: finish-before-commit.

use crosspod::nemesis::{Link, LinkFault, Way};
use crosspod::plan::{Answer, Pod, Selector};
use crosspod::run::{Cast, Fault, Played};

/// Delay of the owner's words: longer than a question to the database takes, and less than a lease leaves between two heartbeats.
const LATE_MS: u64 = 200;

pub(crate) async fn database_far_at_the_end(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(8).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    let latency = LinkFault::Latency {
        ms: LATE_MS,
        jitter_ms: 0,
    };
    let far = Fault::Cut(Link::Postgres, Way::FromPod, latency);
    let fires = turn.is_held().then(turn.shows(3));
    let injected = c.nemesis().inject(fires, Selector::Owner, &turn, far).await?;
    c.nemesis().have_landed(&injected).await?;
    c.provider().open_gate(&turn).await?;
    let status = c.settled(&turn).await?;
    c.evidence(
        "the turn came to its end while its owner's words to the database were late",
        status.is_terminal(),
    );
    c.nemesis().mend_links(&injected).await?;
    Ok(())
}
