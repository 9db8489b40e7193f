//! Every pod is replaced by another version, one after the other, while clients read and watch through the edge: none of them is shown
//! a server's error, and no answer is lost. A pod that goes must be out of the pool before it stops serving.

use crosspod::history::Bound;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, LoadPlan, Played};
use crosspod::system::parts::Affinity;

use crate::common::{PAUSE, is_in_good_order, tokens_for};

/// Name of the other version, by its own report.
const NEXT: &str = "next";
/// Requests and streams without which the upgrade was not under load.
const REQUESTS: u32 = 2000;
const STREAMS: u32 = 100;

pub(crate) async fn rolling_upgrade(c: &mut Cast) -> Played {
    let entry = c.entry_by(Affinity::Cookie)?;
    // The first call outlasts a drain; the call after a hand-over answers at once.
    let tokens = tokens_for(c.bound(Bound::Drain) * 2);
    let answer = Answer::tokens(tokens).first_call_paced(PAUSE);
    let user = c.client_on(&c.pod(Pod::first()), &entry).await?;
    let turn = c.post_by(&user, answer).await?;
    let load = c.steady_load(&entry, &turn, LoadPlan::STEADY)?;
    load.reaches(100, 1).await?;
    let codes = c.edge().upgrade_all(NEXT, &entry).await?;
    load.reaches(REQUESTS, STREAMS).await?;
    let course = load.end().await?;
    let is_enough = course.requests >= REQUESTS && course.streams >= STREAMS;
    c.evidence(
        "2000 requests and 100 streams went through the edge during the upgrade",
        is_enough,
    );
    let all = codes.len() == c.pods().len() && codes.into_iter().all(is_in_good_order);
    c.evidence("every pod left in good order and another version took its place", all);
    c.settled(&turn).await?;
    for pod in c.pods() {
        c.nemesis().roll_back(&pod).await?;
        c.back_in_the_pool(&pod, &entry).await?;
    }
    Ok(())
}
