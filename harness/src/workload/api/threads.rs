//! Threads and turns: made, cancelled, read back.

use std::net::SocketAddr;

use serde_json::Value;

use super::sign_in::word;
use super::{Api, ApiError, unfit};
use crate::history::{Outcome, PodName, Status, ThreadId, TurnId};
use crate::system::language::Values;
use crate::workload::reading::{self, Reading};
use crate::workload::session::Session;

/// Longest id that is taken from a system, in bytes: findings name them.
pub(super) const ID_MAX: usize = 256;

impl Api {
    /// Makes a thread. A description without `calls.thread` lets the client make the id.
    ///
    /// # Errors
    /// It was not accepted, or the answer lacks the thread's id.
    pub async fn new_thread(&self, pod: &PodName, at: SocketAddr, session: &Session) -> Result<ThreadId, ApiError> {
        let what = "make a thread";
        let nonce = word();
        let Some(request) = &self.system.description.calls.thread else {
            let thread = ThreadId::from(uuid::Uuid::new_v4().to_string());
            self.known.keep_thread(&thread, &Values::default().with("nonce", nonce));
            return Ok(thread);
        };
        let values = session.values.clone().with("nonce", nonce.as_str());
        let (_, captured) = self.must((what, pod, at), session, request, &values).await?;
        let thread = id(&captured, "thread").map_err(|got| unfit(what, pod, got))?;
        let thread = ThreadId::from(thread);
        self.known.keep_thread(&thread, &captured.with("nonce", nonce));
        Ok(thread)
    }

    /// Cancels a turn, or its thread's turn in flight.
    pub async fn cancel(
        &self,
        at: SocketAddr,
        session: &Session,
        thread: &ThreadId,
        turn: Option<&TurnId>,
    ) -> Outcome<()> {
        match &self.system.description.calls.cancel {
            Some(call) => {
                let values = self.values(session, Some(thread), turn);
                self.outcome_of(at, session, &call.request, &values).await
            }
            None => Outcome::Unknown {
                reason: "the description has no calls.cancel".to_owned(),
            },
        }
    }

    /// True if a cancel names the turn that it is for.
    pub fn cancels_by_turn(&self) -> bool {
        let cancel = self.system.description.calls.cancel.as_ref();
        cancel.is_some_and(|cancel| cancel.request.uses("turn"))
    }

    /// True if a reading is asked for one turn at a time.
    pub fn reads_turn_by_turn(&self) -> bool {
        let read = self.system.description.calls.read.as_ref();
        read.is_some_and(|read| read.request.uses("turn"))
    }

    /// Reads a thread, or one turn of it, as a pod tells it. Returns `None` if the description does not say how.
    ///
    /// # Errors
    /// It was not accepted, or the answer is not what the description says.
    pub async fn read(
        &self,
        (pod, at): (&PodName, SocketAddr),
        session: &Session,
        thread: &ThreadId,
        turn: Option<&TurnId>,
    ) -> Result<Option<Reading>, ApiError> {
        let what = "read a thread";
        let Some(call) = &self.system.description.calls.read else {
            return Ok(None);
        };
        let values = self.values(session, Some(thread), turn);
        let (answer, _) = self.must((what, pod, at), session, &call.request, &values).await?;
        let read = answer
            .json()
            .and_then(|body| reading::reading(call, &self.system.description.statuses, turn, &body));
        read.map(Some).map_err(|got| unfit(what, pod, got))
    }

    /// Reads a turn's status and error. Returns `None` if the description does not say how.
    ///
    /// # Errors
    /// It was not accepted, or the answer is not what the description says.
    pub async fn status(
        &self,
        (pod, at): (&PodName, SocketAddr),
        session: &Session,
        thread: &ThreadId,
        turn: &TurnId,
    ) -> Result<Option<(Status, Option<String>)>, ApiError> {
        let what = "read a turn's status";
        let Some(call) = &self.system.description.calls.status else {
            return Ok(None);
        };
        let values = self.values(session, Some(thread), Some(turn));
        let (answer, _) = self.must((what, pod, at), session, &call.request, &values).await?;
        let read = answer.json().and_then(|body: Value| {
            let status = reading::status(Some(&call.status), &self.system.description.statuses, &body)?;
            let status = status.ok_or("no status")?;
            Ok((status, reading::text(call.error.as_ref(), &body)))
        });
        read.map(Some).map_err(|got| unfit(what, pod, got))
    }
}

/// An id that was captured: a text or a number of up to [`ID_MAX`] bytes.
pub(super) fn id(captured: &Values, name: &str) -> Result<String, String> {
    let id = captured.text(name).ok_or_else(|| format!("no {{{name}}} captured"))?;
    match id.len() {
        0 => Err(format!("an empty {{{name}}}")),
        1..=ID_MAX => Ok(id),
        bytes => Err(format!("a {{{name}}} of {bytes} bytes")),
    }
}
