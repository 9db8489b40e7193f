//! An answer is stopped while its owner stands between two of its steps, and the owner dies there before it can act on the stop.
//! The heir of the turn must stop in its stead: an answer that a user has stopped is not given, nor paid for, after all.
//! Catches: stop-forgotten-on-takeover.

use std::time::Duration;

use crosspod::history::Bound::{Drain, Takeover};
use crosspod::history::Capability::{Cancel, Owner};
use crosspod::history::PodName;
use crosspod::history::Status::InProgress;
use crosspod::nemesis::{Failpoint, Held};
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played, Stopped, Story, Turn};
use crosspod::system::needs::Need::{Attach, Bound, Has, Pods, Status, Survivor};

use crate::common::{PAUSE, tokens_for};

/// Tokens of an answer that a gate holds.
const TOKENS: u32 = 12;
/// How much longer an answer takes than a drain may.
const LONGER: Duration = Duration::from_secs(3);

/// Evidence: the stop was acknowledged while the owner held, and the owner died before it went on.
const STOPPED: &str = "the stop was taken while the owner held, and the owner died there";

/// A story's entry: the function's name behind `stopped_at::` is the story's.
macro_rules! stopped {
    ($name:ident: $about:literal, needs [$($need:expr),*], faults $faults:expr, catches $catches:expr) => {
        Story {
            name: concat!("stopped_at::", stringify!($name)),
            about: $about,
            needs: &[Attach, Has(Owner), Survivor, Bound(Takeover), Status, Has(Cancel), $($need),*],
            faults: &$faults,
            catches: &$catches,
            evidence: &[STOPPED],
            play: |cast| Box::pin($name(cast)),
        }
    };
}

/// Every story of a stop between two steps.
pub(crate) fn stories() -> Vec<Story> {
    vec![
        stopped!(after_claim_before_call: "an answer is stopped before its owner's first step, and the owner dies there",
            needs [Pods(2)], faults ["hold at", "kill"], catches ["stop-forgotten-on-takeover"]),
        stopped!(after_publish_before_persist: "an answer is stopped in its middle, and its owner dies before it acts on that",
            needs [Pods(2)], faults ["hold at", "kill"], catches ["stop-forgotten-on-takeover"]),
        stopped!(after_commit_before_announce: "an answer is stopped when its end is stored and not told, and its owner dies there",
            needs [Pods(2)], faults ["hold at", "kill"], catches []),
        stopped!(inside_takeover: "an answer is stopped while an heir takes it over, and the heir dies there",
            needs [Pods(3)], faults ["hold at", "kill"], catches ["stop-forgotten-on-takeover"]),
        stopped!(inside_drain: "an answer is stopped when its draining owner has dropped it, and the owner dies there",
            needs [Pods(2), Bound(Drain)], faults ["hold at", "kill", "terminate"], catches ["stop-forgotten-on-takeover"]),
    ]
}

/// Stops the turn through one of `pods` that does not hold, and kills the one that holds. Whoever goes on with the turn all the same
/// can end its answer only when a stop has long had to hold.
async fn stopped_then_killed(c: &mut Cast, turn: &Turn, held: &Held, pods: &[PodName]) -> Result<(), Stopped> {
    let Some(elsewhere) = pods.iter().find(|pod| **pod != held.pod) else {
        return Ok(());
    };
    c.on_record(turn, InProgress).await?;
    c.cancel(elsewhere, turn).await?;
    c.nemesis().kill_held(held).await?;
    c.evidence(STOPPED, true);
    c.takeover_bound_passes().await;
    c.provider().open_gate(turn).await?;
    c.settled(turn).await?;
    Ok(())
}

async fn after_claim_before_call(c: &mut Cast) -> Played {
    let (pods, thread) = (c.pods(), c.thread().clone());
    let armed = c
        .nemesis()
        .arm(&pods, Failpoint::AfterClaimBeforeCall, Some(&thread))
        .await?;
    let turn = c.post(Pod::first(), Answer::tokens(TOKENS).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?;
    let held = c.nemesis().holds(armed).await?;
    stopped_then_killed(c, &turn, &held, &pods).await
}

async fn after_publish_before_persist(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(TOKENS).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    let pods = c.pods();
    let held = owner_held(c, &turn, Failpoint::AfterPublishBeforePersist, Some(5)).await?;
    stopped_then_killed(c, &turn, &held, &pods).await
}

async fn after_commit_before_announce(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(TOKENS).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    let pods = c.pods();
    let held = owner_held(c, &turn, Failpoint::AfterCommitBeforeAnnounce, None).await?;
    stopped_then_killed(c, &turn, &held, &pods).await
}

async fn inside_takeover(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(TOKENS).gate_after(3)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    let survivors = c.survivors_of(&owner);
    let armed = c
        .nemesis()
        .arm(&survivors, Failpoint::InsideTakeover, Some(&owner.thread))
        .await?;
    c.nemesis().kill(&owner).await?;
    let held = c.nemesis().holds(armed).await?;
    stopped_then_killed(c, &turn, &held, &survivors).await
}

async fn inside_drain(c: &mut Cast) -> Played {
    // Every call takes that long: an heir that is not stopped is not done before a stop has to hold.
    let tokens = tokens_for(c.bound(Drain) + LONGER);
    let turn = c.post(Pod::first(), Answer::tokens(tokens).paced(PAUSE)).await?;
    c.attach_on_every_pod(&turn).await?.each_reach(3).await?;
    let owner = c.owner_of(&turn).await?;
    let armed = c
        .nemesis()
        .arm(std::slice::from_ref(&owner.owner), Failpoint::InsideDrain, None)
        .await?;
    c.nemesis().terminate(&owner).await?;
    let pods = c.pods();
    let held = c.nemesis().holds(armed).await?;
    stopped_then_killed(c, &turn, &held, &pods).await
}

/// Lets the model go on until the turn's owner holds at a failpoint: through its token `k`, or to its end.
async fn owner_held(c: &mut Cast, turn: &Turn, point: Failpoint, k: Option<u32>) -> Result<Held, Stopped> {
    let owner = c.owner_of(turn).await?;
    let armed = c
        .nemesis()
        .arm(std::slice::from_ref(&owner.owner), point, Some(&owner.thread))
        .await?;
    match k {
        Some(k) => c.provider().open_gate_through(turn, k).await?,
        None => c.provider().open_gate(turn).await?,
    }
    c.nemesis().holds(armed).await
}
