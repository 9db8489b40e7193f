//! Feeds the engine's events about the cluster's containers into the history while a play is on.

use crate::cluster::{EngineEvent, Events};
use crate::history::MachineEvent;
use crate::history::writer::Recorder;

/// Moves what the engine says of the cluster's containers into the history. Slower than the proofs that faults rest on, but
/// the engine's own record.
pub(in crate::run) async fn engine_events(mut events: Events, recorder: Recorder) {
    while let Some(event) = events.next().await {
        match event {
            Ok(EngineEvent {
                service,
                action,
                exit_code,
                ..
            }) if !action.starts_with("exec_") => {
                recorder.record(MachineEvent::Engine {
                    service,
                    action,
                    exit_code,
                });
            }
            Ok(_) => {}
            Err(e) => return tracing::info!(error = %e, "the engine's events broke off"),
        }
    }
}
