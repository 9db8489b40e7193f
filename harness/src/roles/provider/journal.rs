//! Feeds the provider's journal into the history as it grows.

use std::time::Duration;

use eventsource_stream::Eventsource as _;
use futures_util::StreamExt as _;
use mock_ai::journal::{CallRef, Event, EventKind};
use tokio::task::JoinHandle;

use super::{Provider, ProviderError};
use crate::history::writer::Recorder;
use crate::history::{PodName, ProviderEvent, ProviderWhat, RunEvent, TurnKey, What};

/// A running subscription to the journal.
pub struct Journal {
    task: JoinHandle<()>,
}

impl Journal {
    /// Follows the journal from its beginning, for keys that start with `prefix`: those of one play.
    ///
    /// # Errors
    /// The subscription is refused or not answered.
    pub async fn follow(provider: &Provider, prefix: String, recorder: Recorder) -> Result<Self, ProviderError> {
        let request = provider.http.get(provider.url("events"));
        let answer = provider.send("events", request, Duration::from_secs(3)).await?;
        if !answer.status().is_success() {
            return Err(ProviderError::Refused {
                what: "events".to_owned(),
                got: answer.status().to_string(),
            });
        }
        let task = tokio::spawn(async move {
            let mut events = std::pin::pin!(answer.bytes_stream().eventsource());
            while let Some(event) = events.next().await {
                let read = event
                    .map_err(|e| e.to_string())
                    .and_then(|e| serde_json::from_str::<Event>(&e.data).map_err(|bad| format!("{bad} in {}", e.data)));
                match read {
                    Ok(event) => take(event, &prefix, &recorder),
                    Err(reason) => {
                        let reason = format!("the provider's journal cannot be read: {reason}");
                        recorder.record(RunEvent::HarnessFailed { reason });
                        return;
                    }
                }
            }
            recorder.record(RunEvent::HarnessFailed {
                reason: "the provider's journal broke off".to_owned(),
            });
        });
        Ok(Self { task })
    }

    /// Stops following.
    pub fn stop(self) {
        self.task.abort();
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn take(event: Event, prefix: &str, recorder: &Recorder) {
    let Some(call) = event.call.filter(|c| c.key.starts_with(prefix)) else {
        return;
    };
    let what = match event.kind {
        EventKind::Started { messages } => ProviderWhat::Started {
            messages: messages.iter().map(|m| format!("{}: {}", m.role, m.text)).collect(),
        },
        EventKind::Held { gate, after } => ProviderWhat::Held { gate, after },
        EventKind::Ended { cause, tokens } => ProviderWhat::Ended {
            cause: cause.to_string(),
            tokens,
        },
        EventKind::FirstByte | EventKind::Released { .. } | EventKind::Reset { .. } | EventKind::Lost { .. } => return,
    };
    recorder.record(What::Provider(of_call(&call, what)));
}

fn of_call(call: &CallRef, what: ProviderWhat) -> ProviderEvent {
    ProviderEvent {
        call: call.call.0,
        key: TurnKey::from(call.key.clone()),
        ordinal: call.ordinal,
        pod: call.pod.as_deref().map(PodName::from),
        what,
    }
}
