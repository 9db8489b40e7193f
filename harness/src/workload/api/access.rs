//! Requests with credentials that should perhaps not be honoured.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::Api;
use super::attach::TailFrom;
use super::post::Message;
use crate::history::{MessageId, PodName, ThreadId, TurnId};
use crate::system::language::Values;
use crate::system::talk::Request;
use crate::workload::answer;
use crate::workload::request::Prepared;
use crate::workload::session::Session;

impl Api {
    /// Makes a request with a credential that should perhaps not be honoured; the answer's status and first bytes. A
    /// stream is read for a moment: what leaks would be in its first frames.
    pub async fn try_access(
        &self,
        at: SocketAddr,
        session: &Session,
        route: &str,
        thread: &ThreadId,
        turn: Option<&TurnId>,
    ) -> (Option<u16>, String) {
        let Some(prepared) = self.intrusion(session, route, thread, turn) else {
            return (None, String::new());
        };
        let Ok(mut response) = self.stream(at, session, prepared).await else {
            return (None, String::new());
        };
        (
            Some(response.status().as_u16()),
            answer::first_bytes(&mut response).await,
        )
    }

    /// Reads a thread for the sake of who answers: the answer's status, and the pod that answered by its own word. Asks for the pods'
    /// sign of life if the description has no `calls.read`.
    ///
    /// # Errors
    /// There was no whole answer, in words.
    pub async fn who_reads(
        &self,
        at: SocketAddr,
        session: &Session,
        thread: &ThreadId,
        turn: Option<&TurnId>,
    ) -> Result<(u16, Option<PodName>), String> {
        let Some(prepared) = self.intrusion(session, "read", thread, turn) else {
            return self.get(at, &self.system.description.pods.alive).await;
        };
        let response = self
            .stream(at, session, prepared)
            .await
            .map_err(|trouble| trouble.reason)?;
        let answer = answer::whole(response, &BTreeMap::new()).await;
        Ok(self.said_by(&answer.map_err(|trouble| trouble.reason)?))
    }

    fn intrusion(&self, session: &Session, route: &str, thread: &ThreadId, turn: Option<&TurnId>) -> Option<Prepared> {
        let calls = &self.system.description.calls;
        let id = MessageId::from("intruder");
        let message = Message {
            thread,
            id: &id,
            text: "let me in",
        };
        let of_turn = || self.values(session, Some(thread), turn);
        let prepare = |request: &Request, values: Values| self.prepare(session, request, None, &values).ok();
        match route {
            "attach" => self.attach_request(session, thread, turn, &TailFrom::Start).ok(),
            "post" => prepare(&calls.turn.request, self.message_values(session, message)),
            "cancel" => prepare(&calls.cancel.as_ref()?.request, of_turn()),
            _ => prepare(&calls.read.as_ref()?.request, of_turn()),
        }
    }
}
