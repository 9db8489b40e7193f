//! Each pod in turn is told to stop while it streams to a client that is pinned to it. It says so at once and is out of the pool within
//! two looks of the health check; the stream in flight goes on to its end, and nobody is shown a server's error. A pod that runs
//! the turn of that stream drains for as long as a gate holds the turn: long enough for the edge to lead clients to it.
//! Catches: healthz-ignores-drain, drain-drops-in-flight.

use crosspod::history::PodName;
use crosspod::plan::Answer;
use crosspod::run::{Cast, Played, Stopped, Turn};
use crosspod::system::parts::Affinity;
use crosspod::workload::EdgeClient;

use crate::common::is_in_good_order;

/// Turns that are posted until a pod claims one. Where any pod may claim a turn, one that is always a little late gets none while both
/// others are there.
const TURNS_MAX: u32 = 6;

pub(crate) async fn each_pod_drained(c: &mut Cast) -> Played {
    let entry = c.entry_by(Affinity::Cookie)?;
    let (mut streaming, mut running, mut in_good_order) = (0, 0, 0);
    for pod in c.pods() {
        let client = c.client_on(&pod, &entry).await?;
        let (turn, is_own) = run_by(c, &client, &pod).await?;
        running += u32::from(is_own);
        let watcher = c.attach_by(&client, &turn, "in-flight").await?;
        watcher.reaches(3).await?;
        streaming += u32::from(watcher.pod() == pod);
        c.nemesis().terminate_pod(&pod, None).await?;
        c.out_of_the_pool(&pod, &entry).await?;
        // A turn that stood still for much longer would be taken from the pod.
        c.provider().open_gate_through(&turn, 6).await?;
        c.health_window_passes().await?;
        c.served(&client).await?;
        c.provider().open_gate(&turn).await?;
        c.settled(&turn).await?;
        in_good_order += u32::from(is_in_good_order(c.nemesis().gone(&pod).await?));
        c.nemesis().start(&pod).await?;
        c.back_in_the_pool(&pod, &entry).await?;
    }
    let pods = u32::try_from(c.pods().len()).unwrap_or(u32::MAX);
    c.evidence(
        "every pod was told to stop while it streamed to a pinned client",
        streaming == pods,
    );
    c.evidence("a pod drained for as long as its own turn ran", running > 0);
    c.evidence("every pod left in good order", in_good_order == pods);
    Ok(())
}

/// A turn that is held in its middle; true if the client's own pod runs it. Turns that other pods have claimed come to their end first.
async fn run_by(c: &mut Cast, client: &EdgeClient, pod: &PodName) -> Result<(Turn, bool), Stopped> {
    let mut left = TURNS_MAX;
    loop {
        let turn = c.post_by(client, Answer::tokens(9).gate_after(3)).await?;
        let is_own = c.owner_of(&turn).await?.owner == *pod;
        left -= 1;
        if is_own || left == 0 {
            return Ok((turn, is_own));
        }
        c.provider().open_gate(&turn).await?;
        c.settled(&turn).await?;
    }
}
