//! Lets turns and feedback come to their end once everything is healed.

use std::time::Duration;

use futures_util::future::join_all;

use crate::history::{Bound, PodEvent, PodName};
use crate::plan::Answer;
use crate::run::cast::Cast;
use crate::run::collect::cpu;

/// How often a turn's end is awaited for its whole bound, as long as parts wait for processors meanwhile.
const AWAITED_STARVED: u32 = 3;

/// Lets every turn come to its end: nothing is held by the provider any more, and every pod serves.
pub(in crate::run) async fn quiesce(cast: &Cast) -> Result<(), String> {
    let system = cast.slot.api.system();
    for turn in &cast.turns {
        cast.slot
            .provider
            .open_gate(&Answer::gate(&turn.key))
            .await
            .map_err(|e| e.to_string())?;
    }
    let bound = system.within(Bound::Takeover) + system.within(Bound::Progress) + Duration::from_secs(2);
    for turn in &cast.turns {
        let mut awaited = 0;
        loop {
            let from = cast.now();
            awaited += 1;
            match cast.settled_within(turn, bound).await {
                Ok(_) => break,
                // The judge does not count that time: were it all, nothing could be held against anybody.
                Err(_) if awaited < AWAITED_STARVED && cpu::starved_since(&cast.recorder, from) => {}
                Err(e) => {
                    // Not an error of the harness: the judge finds a turn without an end.
                    tracing::debug!(error = %e, "a turn does not end");
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Waits until the play's feedback is stored, and records how many items each pod reports.
/// The judge finds items that are not stored in time.
pub(in crate::run) async fn settle_feedback(cast: &Cast) {
    if cast.feedback.is_empty() {
        return;
    }
    for (item, is_acknowledged) in &cast.feedback {
        if *is_acknowledged && let Err(error) = cast.stored(item).await {
            tracing::debug!(%error, "feedback is not stored");
            break;
        }
    }
    let pods = cast.pods();
    for empty in join_all(pods.iter().map(|pod| cast.spool_is_empty(pod))).await {
        if let Err(error) = empty {
            tracing::debug!(?error, "a spool is not empty");
        }
    }
    for pod in pods {
        record_count(cast, &pod).await;
    }
}

async fn record_count(cast: &Cast, pod: &PodName) {
    let (Ok(_), Ok(at)) = (cast.takes_feedback(), cast.slot.address(pod)) else {
        return;
    };
    let api = &cast.slot.api;
    match api.feedback_count(pod, at, &cast.reader).await {
        Ok(count) => {
            let pod = pod.clone();
            cast.recorder.record(PodEvent::FeedbackCounted { pod, count });
        }
        Err(error) => tracing::info!(%error, "feedback cannot be counted"),
    }
}
