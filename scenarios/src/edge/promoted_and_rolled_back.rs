//! A candidate is started beside the pods, verified, given a share of the traffic, promoted, and rolled back, all under load: for a
//! client the swap is atomic, none is shown a server's error, and answers begun on one side end on the other.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, LoadPlan, Played};
use crosspod::system::needs::Need;
use crosspod::system::parts::Affinity;

use crate::common::PAUSE;

/// Tokens of an answer that outlasts the promotion.
const TOKENS: u32 = 300;
/// Requests at each step.
const REQUESTS: u32 = 200;

pub(crate) async fn promoted_and_rolled_back(c: &mut Cast) -> Played {
    let entry = c.entry_by(Affinity::Cookie)?;
    let user = c.client_on(&c.pod(Pod::first()), &entry).await?;
    c.edge().start_candidate().await?;
    c.edge().verify_candidate().await?;
    // The turn goes on through the swap: a turn that stood still for so long would be taken from its owner.
    let turn = c.post_by(&user, Answer::tokens(TOKENS).paced(PAUSE)).await?;
    let watcher = c.attach_by(&user, &turn, "through-the-swap").await?;
    watcher.reaches(3).await?;
    let load = c.steady_load(&entry, &turn, LoadPlan::STEADY)?;
    let candidate = c.candidate()?;
    c.edge().share().await?;
    c.back_in_the_pool(&candidate, &entry).await?;
    load.reaches(load.course().requests + REQUESTS, 1).await?;
    // A client stays with its release for longer than its first cookie would have lived.
    if c.can(&[Need::CookieLifetime]) {
        c.cookie_lifetime_passes().await?;
    }
    c.edge().promote().await?;
    c.pool_holds(std::slice::from_ref(&candidate), &entry).await?;
    c.evidence("an answer went on through the promotion", !c.is_over(&turn).await?);
    let newcomer = c.edge_client(&entry)?;
    let on_candidate = c.served(&newcomer).await? == candidate;
    c.evidence("the candidate served every new client", on_candidate);
    let begun = c.post_by(&newcomer, Answer::tokens(10)).await?;
    load.reaches(load.course().requests + REQUESTS, 1).await?;
    c.edge().roll_back().await?;
    let pods = c.pods();
    c.pool_holds(&pods, &entry).await?;
    load.reaches(load.course().requests + REQUESTS, 1).await?;
    c.settled_within(&turn, PAUSE * TOKENS).await?;
    c.settled_within(&begun, PAUSE * TOKENS).await?;
    let course = load.end().await?;
    c.evidence(
        "clients asked before, during and after the swap",
        course.requests >= 3 * REQUESTS,
    );
    c.edge().stop_candidate().await?;
    Ok(())
}
