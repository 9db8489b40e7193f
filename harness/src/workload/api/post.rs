//! Messages, and the turns that answer them.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use crosspod_sse::Decoder;
use reqwest::Response;

use super::threads::{ID_MAX, id};
use super::{Api, not_done, unprepared};
use crate::history::{Accepted, MessageId, Outcome, PodName, ThreadId, TurnId};
use crate::plan::key_in;
use crate::system::language::Values;
use crate::wire::json;
use crate::workload::answer::{self, Answer, BODY_MAX, Trouble};
use crate::workload::request::Captures;
use crate::workload::session::Session;

/// Longest that an answer that streams goes without naming its turn: a queue may hold it for as long as another turn runs.
const NAMED: Duration = Duration::from_secs(30);

/// A message to a thread.
#[derive(Debug, Clone, Copy)]
pub struct Message<'m> {
    /// The thread.
    pub thread: &'m ThreadId,
    /// The client's id of the message.
    pub id: &'m MessageId,
    /// The user's words.
    pub text: &'m str,
}

/// A stream that a pod has begun to send.
pub(in crate::workload) struct Begun {
    /// When it was asked for, in microseconds since the run began.
    pub(in crate::workload) asked_us: u64,
    pub(in crate::workload) response: Response,
    /// Bytes of it that were read already.
    pub(in crate::workload) bytes: Bytes,
}

impl Api {
    /// Posts a message whose answer names the turn.
    pub async fn post(
        &self,
        pod: &PodName,
        at: SocketAddr,
        session: &Session,
        message: Message<'_>,
    ) -> Outcome<Accepted> {
        let request = &self.system.description.calls.turn.request;
        let values = self.message_values(session, message);
        match self.call(at, session, request, &values).await {
            Ok(answer) => self.posted(pod, message, &answer),
            Err(Trouble { reason, .. }) => Outcome::Unknown { reason },
        }
    }

    /// Posts a message that no pod is to take.
    pub async fn post_in_vain(&self, at: SocketAddr, session: &Session, message: Message<'_>) -> Outcome<()> {
        let request = &self.system.description.calls.turn.request;
        let values = self.message_values(session, message);
        self.outcome_of(at, session, request, &values).await
    }

    /// True if the answer to a message is itself a tail.
    pub fn streams(&self) -> bool {
        self.system.description.calls.turn.streams
    }

    /// Posts a message whose answer is a tail. It is accepted with the first event that names its turn; the rest of the stream is
    /// yet to be read.
    pub(in crate::workload) async fn post_streaming(
        &self,
        pod: &PodName,
        at: SocketAddr,
        session: &Session,
        message: Message<'_>,
    ) -> (Outcome<Accepted>, Option<Begun>) {
        let call = &self.system.description.calls.turn.request;
        let mut response = match self.post_to_stream(at, session, message).await {
            Ok(response) => response,
            Err(Trouble { reason, .. }) => return (Outcome::Unknown { reason }, None),
        };
        if !call.accepts(response.status().as_u16()) || !answer::is_stream(response.headers()) {
            let outcome = match answer::whole(response, &call.capture).await {
                Ok(answer) => self.posted(pod, message, &answer),
                Err(Trouble { reason, .. }) => Outcome::Unknown { reason },
            };
            return (outcome, None);
        }
        let server = self.server_of(&response, pod);
        let named = tokio::time::timeout(NAMED, named(&mut response, Captures::new(&call.capture))).await;
        let named = named.unwrap_or_else(|_| Err(format!("no event named the turn within {NAMED:?}")));
        match named.and_then(|(captured, bytes)| Ok((self.turn_of(message, &captured)?, bytes))) {
            Ok((turn, bytes)) => {
                let accepted = Accepted {
                    turn,
                    pod: server,
                    tail: None,
                };
                let begun = Begun {
                    asked_us: 0,
                    response,
                    bytes,
                };
                (Outcome::Ok(accepted), Some(begun))
            }
            Err(reason) => (Outcome::Unknown { reason }, None),
        }
    }

    async fn post_to_stream(
        &self,
        at: SocketAddr,
        session: &Session,
        message: Message<'_>,
    ) -> Result<Response, Trouble> {
        let values = self.message_values(session, message);
        let prepared = self.prepare(session, &self.system.description.calls.turn.request, None, &values);
        let mut prepared = prepared.map_err(|unknown| unprepared(&unknown))?;
        prepared.set_default("accept", "text/event-stream");
        self.stream(at, session, prepared).await
    }

    /// The outcome of a message that was answered.
    fn posted(&self, pod: &PodName, message: Message<'_>, answer: &Answer) -> Outcome<Accepted> {
        let request = &self.system.description.calls.turn.request;
        if !request.accepts(answer.status.as_u16()) {
            return not_done(answer);
        }
        let captured = answer.captured(&request.capture);
        match captured.and_then(|captured| self.turn_of(message, &captured)) {
            Ok(turn) => Outcome::Ok(Accepted {
                turn,
                pod: self.answered_by(answer, pod),
                tail: None,
            }),
            Err(got) => Outcome::Unknown {
                reason: format!("{} with {got}: {}", answer.status.as_u16(), answer.excerpt()),
            },
        }
    }

    /// The turn that an accepted message named; the other values are kept for it.
    fn turn_of(&self, message: Message<'_>, captured: &Values) -> Result<TurnId, String> {
        let turn = TurnId::from(id(captured, "turn")?);
        self.known.keep_turn(&turn, captured);
        if let Some(key) = key_in(message.text) {
            self.known.keep_key(key, &turn);
        }
        Ok(turn)
    }

    /// The values of a message.
    pub(super) fn message_values(&self, session: &Session, message: Message<'_>) -> Values {
        let values = self.values(session, Some(message.thread), None);
        values.with("message", message.id.as_str()).with("text", message.text)
    }

    /// The pod that answered: by its own word where the description says how to know, else the one that was asked.
    fn answered_by(&self, answer: &Answer, asked: &PodName) -> PodName {
        let header = self.system.description.pods.answered_by.as_deref();
        let named = header
            .and_then(|name| answer.header(name))
            .filter(|name| name.len() <= ID_MAX);
        named.map_or_else(|| asked.clone(), PodName::from)
    }
}

/// The values of the events that name a turn, and the bytes up to there.
///
/// # Errors
/// The stream ended before, or is larger than any answer.
async fn named(response: &mut Response, mut captures: Captures<'_>) -> Result<(Values, Bytes), String> {
    let (mut decoder, mut events, mut seen) = (Decoder::new(BODY_MAX), Vec::new(), BytesMut::new());
    loop {
        let bytes = response.chunk().await.map_err(|e| Trouble::from(&e).reason)?;
        let Some(bytes) = bytes else {
            captures.done()?;
            return Err("the stream ended before an event named the turn".to_owned());
        };
        seen.extend_from_slice(&bytes);
        decoder.take(&bytes, &mut events).map_err(|large| large.to_string())?;
        for event in events.drain(..) {
            if json::read(event.data.as_bytes()).is_ok_and(|value| captures.take(&value)) {
                return Ok((captures.done()?, seen.freeze()));
            }
        }
        if seen.len() > BODY_MAX {
            return Err(format!("no event named the turn in {BODY_MAX} bytes"));
        }
    }
}
