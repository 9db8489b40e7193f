//! Answers as they came, for a check that looks in them for what the description does not say yet.

use std::net::SocketAddr;
use std::time::Duration;

use crosspod_sse::Decoder;
use serde_json::Value;
use tokio::time::Instant;

use super::{Api, Message, unprepared};
use crate::history::{ThreadId, TurnId};
use crate::system::language::Values;
use crate::system::talk::Request;
use crate::wire::json;
use crate::workload::answer::{self, BODY_MAX};
use crate::workload::session::Session;

/// Longest that the events of a stream are read for.
const READ: Duration = Duration::from_secs(3);

/// An answer whose meaning is not known.
#[derive(Debug, Clone, PartialEq)]
pub struct Unread {
    /// HTTP status.
    pub status: u16,
    /// True if it was a stream of events.
    pub is_stream: bool,
    /// The JSON of its body, or of each of its events.
    pub values: Vec<Value>,
    /// The beginning of the body, for people.
    pub excerpt: String,
}

impl Api {
    /// Asks for a thread. Returns `None` if the description does not say how.
    ///
    /// # Errors
    /// A placeholder has no value, or no answer came in time.
    pub async fn unread_thread(&self, at: SocketAddr, session: &Session) -> Result<Option<Unread>, String> {
        let Some(request) = &self.system.description.calls.thread else {
            return Ok(None);
        };
        let values = session.values.clone().with("nonce", super::sign_in::word());
        self.unread(at, session, request, &values).await.map(Some)
    }

    /// Posts a message.
    ///
    /// # Errors
    /// A placeholder has no value, or no answer came in time.
    pub async fn unread_turn(&self, at: SocketAddr, session: &Session, message: Message<'_>) -> Result<Unread, String> {
        let values = self.message_values(session, message);
        let request = &self.system.description.calls.turn.request;
        self.unread(at, session, request, &values).await
    }

    /// Reads what is stored of a turn. Returns `None` if the description does not say how.
    ///
    /// # Errors
    /// A placeholder has no value, or no answer came in time.
    pub async fn unread_reading(
        &self,
        at: SocketAddr,
        session: &Session,
        thread: &ThreadId,
        turn: &TurnId,
    ) -> Result<Option<Unread>, String> {
        let Some(call) = &self.system.description.calls.read else {
            return Ok(None);
        };
        let values = self.values(session, Some(thread), Some(turn));
        self.unread(at, session, &call.request, &values).await.map(Some)
    }

    async fn unread(
        &self,
        at: SocketAddr,
        session: &Session,
        request: &Request,
        values: &Values,
    ) -> Result<Unread, String> {
        let prepared = self.prepare(session, request, None, values);
        let prepared = prepared.map_err(|unknown| unprepared(&unknown).reason)?;
        let sent = self.head(at, session, prepared).await;
        let mut response = sent.map_err(|trouble| trouble.reason)?;
        let (status, is_stream) = (response.status().as_u16(), answer::is_stream(response.headers()));
        let (mut body, until) = (Vec::new(), Instant::now() + READ);
        // A stream that does not end is read for its time, and what came counts.
        while let Ok(Ok(Some(bytes))) = tokio::time::timeout_at(until, response.chunk()).await {
            body.extend_from_slice(&bytes[..bytes.len().min(BODY_MAX - body.len())]);
            if body.len() == BODY_MAX {
                break;
            }
        }
        Ok(Unread {
            status,
            is_stream,
            values: values_of(&body, is_stream),
            excerpt: answer::excerpt_of(&body),
        })
    }
}

/// The JSON in a body, or in each event of a stream; what is no JSON is left out.
fn values_of(body: &[u8], is_stream: bool) -> Vec<Value> {
    if !is_stream {
        return json::read(body).into_iter().collect();
    }
    let mut events = Vec::new();
    let _too_large = Decoder::new(BODY_MAX).take(body, &mut events);
    let values = events.iter().map(|event| json::read(event.data.as_bytes()));
    values.flatten().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_one_value_and_a_stream_one_for_each_event() {
        assert_eq!(values_of(b"{\"id\":1}", false), [json!({ "id": 1 })]);
        assert_eq!(values_of(b"<html>", false), [] as [Value; 0]);
        let stream = b"data: {\"id\":1}\n\ndata: [DONE]\n\ndata: 2\n\n";
        assert_eq!(values_of(stream, true), [json!({ "id": 1 }), json!(2)]);
    }
}
