//! Attaches: how a tail is asked for.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::{Response, StatusCode};

use super::{Api, unprepared};
use crate::history::{CursorForm, TailMode, ThreadId, TurnId, TurnKey};
use crate::system::language::UnknownName;
use crate::system::reading::{Keys, Reader, cursor_value};
use crate::system::talk::attach::form_of;
use crate::system::talk::{AttachCall, Patch, Scope};
use crate::workload::answer::Trouble;
use crate::workload::request::Prepared;
use crate::workload::session::Session;

/// The place from which a tail is to show a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TailFrom {
    /// The turn from its start; where a tail shows a thread, the turn in flight, or else what comes.
    Start,
    /// The frames that come, and none before.
    Live,
    /// The frames behind a cursor, in one of the forms that the system takes.
    Cursor(String, CursorForm),
}

impl TailFrom {
    /// The history's word for it.
    pub fn mode(&self) -> TailMode {
        match self {
            Self::Start => TailMode::Start,
            Self::Live => TailMode::Live,
            Self::Cursor(..) => TailMode::Cursor,
        }
    }

    /// The cursor, if there is one, and the form in which it is given.
    pub fn cursor(&self) -> (Option<&str>, CursorForm) {
        match self {
            Self::Cursor(cursor, form) => (Some(cursor), *form),
            Self::Start | Self::Live => (None, CursorForm::default()),
        }
    }
}

impl Api {
    /// True if a tail shows one turn, not a thread.
    pub fn shows_one_turn(&self) -> bool {
        let attach = self.system.description.calls.attach.as_ref();
        attach.is_some_and(|attach| attach.scope() == Scope::Turn)
    }

    /// A reader of a tail that shows `turn`, or a whole thread.
    pub(in crate::workload) fn reader(&self, turn: Option<TurnId>) -> Reader {
        Reader::new(self.frames.clone(), turn).with_keys(self.keys())
    }

    /// Finds the turn that answers the message with a key, once a client has been told it.
    pub fn keys(&self) -> Keys {
        let known = self.known.clone();
        Arc::new(move |key: &TurnKey| known.turn_of(key))
    }

    /// The request for a tail.
    ///
    /// # Errors
    /// A placeholder has no value, or the description does not say how to attach.
    pub(in crate::workload) fn attach_request(
        &self,
        session: &Session,
        thread: &ThreadId,
        turn: Option<&TurnId>,
        from: &TailFrom,
    ) -> Result<Prepared, Trouble> {
        let attach = self.system.description.calls.attach.as_ref();
        let attach = attach.ok_or_else(|| Trouble {
            reason: "the description has no calls.attach".to_owned(),
            garbled: false,
        })?;
        let mut values = self.values(session, Some(thread), turn);
        if let TailFrom::Cursor(cursor, _) = from {
            let rule = self.system.description.stream.cursor.as_ref();
            let value = rule.map_or_else(|| cursor.as_str().into(), |rule| cursor_value(rule, cursor));
            values.set("cursor", value);
        }
        let prepared: Result<Prepared, UnknownName> =
            self.prepare(session, &attach.request, Some(added(attach, from)), &values);
        let mut prepared = prepared.map_err(|e| unprepared(&e))?;
        prepared.set_default("accept", "text/event-stream");
        Ok(prepared)
    }

    /// Asks for a tail. The answer is whatever the pod says; its body is the stream.
    pub(in crate::workload) async fn stream(
        &self,
        at: SocketAddr,
        session: &Session,
        prepared: Prepared,
    ) -> Result<Response, Trouble> {
        self.head(at, session, prepared).await
    }

    /// True for a status by which the system says that it has nothing to show.
    pub(in crate::workload) fn means_nothing(&self, status: StatusCode) -> bool {
        let attach = self.system.description.calls.attach.iter();
        let mut nothing = attach.flat_map(|attach| &attach.nothing);
        status == StatusCode::NO_CONTENT || nothing.any(|known| known.get() == i64::from(status.as_u16()))
    }
}

/// The patch that the request needs to show a stream from there. A cursor is given in a form that the system takes.
fn added<'a>(attach: &'a AttachCall, from: &TailFrom) -> &'a Patch {
    match from {
        TailFrom::Start => &attach.start,
        TailFrom::Live => attach.live.as_ref().unwrap_or(&attach.start),
        TailFrom::Cursor(_, form) => {
            let wanted = attach.resume.iter().find(|patch| form_of(patch) == *form);
            wanted.or(attach.resume.first()).unwrap_or(&attach.start)
        }
    }
}
