//! Events of a cluster's containers, as the engine saw them: slower than a pidfd, but a record of its own.

use std::collections::HashMap;
use std::time::SystemTime;

use bollard::models::{EventMessage, EventMessageTypeEnum};
use bollard::query_parameters::EventsOptions;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::labels;
use crate::cluster::part::role::Part;

/// One event of one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineEvent {
    /// Time by the engine's clock, in nanoseconds since 1970.
    pub at_ns: i64,
    /// The part.
    pub service: String,
    /// The engine's word for it: `start`, `kill`, `die`, `pause`, `unpause`, ...
    pub action: String,
    /// The exit code, with `die`.
    pub exit_code: Option<i64>,
}

/// A stream of a cluster's events. It ends when it is dropped or the engine goes away.
#[derive(Debug)]
pub struct Events {
    received: mpsc::UnboundedReceiver<Result<EngineEvent, String>>,
    _pump: AbortOnDropHandle<()>,
}

impl Events {
    /// The next event; `None` after the engine has closed the stream. An error is the last item before that.
    pub async fn next(&mut self) -> Option<Result<EngineEvent, String>> {
        self.received.recv().await
    }

    pub(in crate::cluster) fn of_project(engine: &Engine, project: &str) -> Self {
        let mut filters = labels::of_project(project);
        filters.insert("type".into(), vec!["container".into()]);
        // From this moment on and not from the arrival of the request: no event in between is lost.
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let since = Some(format!("{}.{:09}", now.as_secs(), now.subsec_nanos()));
        let options = EventsOptions {
            filters: Some(filters),
            since,
            until: None,
        };
        let engine = engine.clone();
        let (send, received) = mpsc::unbounded_channel();
        let pump = tokio::spawn(async move {
            let mut messages = Box::pin(engine.docker().events(Some(options)));
            while let Some(message) = messages.next().await {
                let event = match message {
                    Ok(message) => read(message).map(Ok),
                    Err(error) => Some(Err(error.to_string())),
                };
                if event.is_some_and(|event| send.send(event).is_err()) {
                    break;
                }
            }
        });
        Self {
            received,
            _pump: AbortOnDropHandle::new(pump),
        }
    }
}

/// The part whose container has these labels.
fn part_of(of: &HashMap<String, String>) -> Option<Part> {
    Part::from_label(of.get(labels::SERVICE)?, of.get(labels::PART)?)
}

/// Reads the engine's message. Returns `None` if it is not about a part, or about a health check only.
fn read(message: EventMessage) -> Option<EngineEvent> {
    let action = message.action?;
    if message.typ != Some(EventMessageTypeEnum::CONTAINER) || action.starts_with("exec_") {
        return None;
    }
    let attributes = message.actor.and_then(|actor| actor.attributes).unwrap_or_default();
    Some(EngineEvent {
        at_ns: message.time_nano.unwrap_or_default(),
        service: part_of(&attributes)?.service,
        action,
        exit_code: attributes.get("exitCode").and_then(|code| code.parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use bollard::models::EventActor;

    use super::*;

    #[test]
    fn a_death_has_its_part_and_code_and_a_stranger_is_left_out() {
        let message = |service: &str, part: &str| EventMessage {
            typ: Some(EventMessageTypeEnum::CONTAINER),
            action: Some("die".into()),
            time_nano: Some(7),
            actor: Some(EventActor {
                id: None,
                attributes: Some(
                    [
                        (labels::SERVICE.to_owned(), service.to_owned()),
                        (labels::PART.to_owned(), part.to_owned()),
                        ("exitCode".to_owned(), "137".to_owned()),
                    ]
                    .into(),
                ),
            }),
            ..EventMessage::default()
        };
        let death = read(message("pod-2", r#"{"role":"pod"}"#)).expect("a part of a cluster");
        assert_eq!(
            (death.service, death.exit_code, death.at_ns),
            ("pod-2".to_owned(), Some(137), 7)
        );
        assert_eq!(read(message("redis", "")), None);
    }
}
