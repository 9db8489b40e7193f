//! Feeds the stream log's messages into the history while a play is on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::history::writer::Recorder;
use crate::run::slot::Slot;

/// How often the stream log is read while messages are published. A message that is cleared between two reads is not recorded.
const LOG_EVERY: Duration = Duration::from_millis(20);

/// How long it counts as being published to, after something was heard of it: what is heard may be stored a moment later.
const LOG_BUSY: Duration = Duration::from_millis(100);

/// How often the stream log is looked at though nothing is heard of it.
const LOG_AT_LEAST_EVERY: Duration = Duration::from_millis(250);

/// How often a stream log is read of which nothing is ever heard. Each look costs its store as much as a pod's own work does in that
/// time, and nothing is lost between two that is not removed at once.
const LOG_UNHEARD_EVERY: Duration = Duration::from_millis(40);

/// Moves the stream log's messages into the history until `stop` is cancelled; as with the database, what cannot be read now is read
/// later.
pub(in crate::run) async fn log(slot: Arc<Slot>, recorder: Recorder, stop: CancellationToken) {
    let mut heard = Instant::now();
    while !stop.is_cancelled() {
        if let Err(e) = slot.record_log(&recorder).await {
            tracing::info!(error = %e, "the stream log cannot be read just now");
        }
        let quiet = heard.elapsed() >= LOG_BUSY;
        let pause = match (slot.log_is_heard(), quiet) {
            (false, _) => LOG_UNHEARD_EVERY,
            (true, true) => LOG_AT_LEAST_EVERY,
            (true, false) => LOG_EVERY,
        };
        tokio::select! {
            () = slot.log_heard(), if quiet => heard = Instant::now(),
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => {}
        }
    }
}
