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
            let mut gaps = Gaps::default();
            while let Some(event) = events.next().await {
                let read = event
                    .map_err(|e| e.to_string())
                    .and_then(|e| serde_json::from_str::<Event>(&e.data).map_err(|bad| format!("{bad} in {}", e.data)));
                match read {
                    Ok(event) if gaps.spoil(&event) => {
                        let reason = format!(
                            "the provider's journal has lost events before number {}",
                            event.number.0
                        );
                        recorder.record(RunEvent::HarnessFailed { reason });
                        return;
                    }
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

/// Events that the provider no longer had when they were asked for. Those from before the play's begin, which is a reset of
/// everything, are nothing to the play.
#[derive(Debug, Default)]
struct Gaps {
    has_begun: bool,
    are_unclear: bool,
}

impl Gaps {
    /// Takes the next event. Returns true if events of the play are missing before it.
    fn spoil(&mut self, event: &Event) -> bool {
        match &event.kind {
            EventKind::Reset { of: None } => {
                *self = Self {
                    has_begun: true,
                    are_unclear: false,
                }
            }
            EventKind::Lost { .. } => self.are_unclear = true,
            _ => {}
        }
        self.are_unclear && (self.has_begun || event.call.is_some())
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

#[cfg(test)]
mod tests {
    use mock_ai::journal::{CallId, EventId};

    use super::*;

    fn event(number: u64, kind: EventKind) -> Event {
        let is_of_a_call = !matches!(kind, EventKind::Reset { .. } | EventKind::Lost { .. });
        Event {
            number: EventId(number),
            at_us: 0,
            call: is_of_a_call.then(|| CallRef {
                call: CallId(1),
                key: "k".into(),
                ordinal: 1,
                pod: None,
            }),
            kind,
        }
    }

    #[test]
    fn lost_events_spoil_a_play_unless_they_are_of_the_time_before_it() {
        let lost = |number| {
            let through = EventId(number);
            event(number, EventKind::Lost { through })
        };
        let begin = |number| event(number, EventKind::Reset { of: None });
        let of_a_key = |number| event(number, EventKind::Reset { of: Some("k".into()) });
        let byte = |number| event(number, EventKind::FirstByte);
        let spoilt = |events: &[Event]| {
            let mut gaps = Gaps::default();
            events.iter().position(|event| gaps.spoil(event))
        };
        assert_eq!(spoilt(&[begin(1), byte(2), byte(3)]), None);
        assert_eq!(spoilt(&[lost(7), begin(8), byte(9)]), None, "of plays before");
        assert_eq!(spoilt(&[begin(1), byte(2), lost(9), byte(10)]), Some(2));
        assert_eq!(spoilt(&[lost(9), byte(10)]), Some(1), "the begin is among them");
        assert_eq!(
            spoilt(&[lost(9), of_a_key(10), byte(11)]),
            Some(2),
            "no begin of a play"
        );
    }
}
