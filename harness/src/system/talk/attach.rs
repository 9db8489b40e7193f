//! `[calls.attach]`: how a tail is opened.

use super::request::{Patch, Request};
use crate::history::CursorForm;
use crate::system::table::{Number, empty, table};

table! {
    /// Opens a tail. With `{turn}` in the request a tail shows one turn, without it the thread.
    pub AttachCall = "[calls.attach]" {
        +
        /// The request.
        request: Request,
        /// What is added to be shown the turn in flight from its start.
        start: Patch = empty() => "{}",
        /// True: a tail of a thread that is asked for without a cursor begins with the turn in flight or the next one, and shows none
        /// that was over before.
        skips_finished: bool = false,
        /// What is added to be shown only what comes.
        live: Option<Patch>,
        /// What is added to be shown what comes behind `{cursor}`: every form that the system takes; each is used.
        resume: Vec<Patch>,
        /// Statuses that mean "nothing to show", 204 say.
        nothing: Vec<Number<100, 599>>,
    }
}

/// What a tail shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One turn; the tail ends with it.
    Turn,
    /// A thread, one turn after the other.
    Thread,
}

impl AttachCall {
    /// What a tail shows.
    pub fn scope(&self) -> Scope {
        if self.request.uses("turn") || self.start.uses("turn") {
            Scope::Turn
        } else {
            Scope::Thread
        }
    }
}

/// The header in which a browser's `EventSource` gives a cursor.
const LAST_EVENT_ID: &str = "last-event-id";

/// The form in which a patch of `resume` gives a cursor: in the header of `EventSource`, elsewhere, or elsewhere beside that
/// header without a value.
pub fn form_of(patch: &Patch) -> CursorForm {
    let mut headers = patch.headers.iter();
    match headers.find(|(name, _)| name.eq_ignore_ascii_case(LAST_EVENT_ID)) {
        None => CursorForm::After,
        Some((_, value)) if value.is_empty() => CursorForm::AfterBesideEmptyHeader,
        Some(_) => CursorForm::LastEventId,
    }
}
