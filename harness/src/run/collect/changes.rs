//! Feeds the database's changes into the history while a play is on.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::history::writer::Recorder;
use crate::run::slot::Slot;

/// How often the database's changes are moved into the history. Each look costs the database as much as a pod's own work does
/// in that time, and nothing is lost between two.
const CHANGES_EVERY: Duration = Duration::from_millis(40);

/// Moves the database's changes into the history until `stop` is cancelled. The database may be broken by a story: what cannot be
/// read now is read later, and the last reading of all is not allowed to fail.
pub(in crate::run) async fn feed(slot: Arc<Slot>, recorder: Recorder, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(e) = slot.record_changes(&recorder).await {
            tracing::info!(error = %e, "the database's changes cannot be read just now");
        }
        tokio::select! {
            () = tokio::time::sleep(CHANGES_EVERY) => {}
            () = stop.cancelled() => {}
        }
    }
}
