//! Heals what a play left broken.

use std::collections::BTreeSet;

use super::final_state;
use crate::history::{PodName, RunEvent};
use crate::run::cast::Cast;

pub(in crate::run) async fn heal(cast: &mut Cast) -> Result<(), String> {
    if cast.nemesis.holds_a_database_empty() {
        let refilled = cast.nemesis().refill_database().await;
        refilled.map_err(|e| format!("healing: {e}"))?;
    }
    let freed = cast.nemesis().free_volumes().await;
    freed.map_err(|e| format!("healing: {e}"))?;
    let mended = cast.nemesis().mend_database().await;
    mended.map_err(|e| format!("healing: {e}"))?;
    let undone = cast.nemesis().undo_roll_outs().await;
    undone.map_err(|e| format!("healing: {e}"))?;
    let left = cast.edge().stop_candidate_left().await;
    left.map_err(|e| format!("healing: {e}"))?;
    let under_fault: BTreeSet<PodName> = cast.nemesis.under_fault().cloned().collect();
    for part in &under_fault {
        cast.nemesis.healing(part);
    }
    // A pod that holds in its drain is healed only once it is let go. A frozen pod hears that only once it is thawed.
    if let Err(e) = cast.nemesis.disarm_all().await {
        tracing::debug!(error = %e, "not disarmed yet");
    }
    stops_come_to_their_end(cast).await?;
    cast.slot.heal().await.map_err(|e| format!("healing: {e}"))?;
    let disarmed = cast.nemesis.disarm_all().await;
    disarmed.map_err(|e| format!("healing: {e}"))?;
    let right = cast.nemesis.set_clocks_right().await;
    right.map_err(|e| format!("healing: {e}"))?;
    for part in &under_fault {
        cast.nemesis.healed(part);
    }
    cast.recorder.record(RunEvent::Healed);
    if !under_fault.is_empty() {
        final_state::ask_readiness(cast).await;
    }
    Ok(())
}

/// Waits until pods that a story has told to stop are gone. A pod that still drained would be healed as one that runs, and end behind that.
async fn stops_come_to_their_end(cast: &mut Cast) -> Result<(), String> {
    for pod in cast.pods() {
        let handle = cast.slot.pod(&pod).map_err(|e| format!("healing: {e}"))?;
        if cast.nemesis.is_stopping(&handle) {
            let gone = cast.nemesis().gone(&pod).await;
            gone.map_err(|e| format!("healing: {e}"))?;
        }
    }
    Ok(())
}
