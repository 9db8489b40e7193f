//! Observations: single answers of pods, the engine and the harness, as they were given.

use crate::history::{
    Credential, Cursor, CursorForm, Outcome, PodName, ReadAnswer, ReadQuestion, Row, SessionNo, Status, TenantId,
    TurnId, WatcherId,
};
use crate::judge::view::at::At;

/// A cancel, recorded when it was answered.
#[derive(Debug)]
pub(crate) struct Cancel<'a> {
    pub(crate) at: At,
    pub(crate) pod: &'a PodName,
    pub(crate) thread: usize,
    /// The turn that was to stop, where a cancel names one.
    pub(crate) turn: Option<&'a TurnId>,
    pub(crate) outcome: &'a Outcome<()>,
}

/// A session that was revoked.
#[derive(Debug)]
pub(crate) struct Revocation<'a> {
    pub(crate) at: At,
    pub(crate) tenant: &'a TenantId,
    /// The session of the tenant, if the history says.
    pub(crate) session: Option<SessionNo>,
}

/// An attach that was refused or not answered.
#[derive(Debug)]
pub(crate) struct Refused<'a> {
    pub(crate) at: At,
    pub(crate) watcher: WatcherId,
    pub(crate) pod: &'a PodName,
    pub(crate) thread: usize,
    /// Cursor that it gave, if the history says.
    pub(crate) cursor: Option<&'a str>,
    /// How it gave that cursor.
    pub(crate) form: CursorForm,
    /// That cursor, if a watcher of the thread was ever given it, with the moment it first was.
    pub(crate) resumes: Option<(Cursor, At)>,
    /// When it was sent, in microseconds since the run began.
    pub(crate) asked_us: u64,
    /// Session that it used, if the history says.
    pub(crate) session: Option<SessionNo>,
    /// The one turn that it was to show, if it was not to show the thread.
    pub(crate) turn: Option<&'a TurnId>,
    pub(crate) status: Option<u16>,
    pub(crate) reason: &'a str,
    /// True if the answer was neither a stream nor a refusal.
    pub(crate) garbled: bool,
}

/// A pod's answer to the question whether it can serve.
#[derive(Debug)]
pub(crate) struct Poll<'a> {
    pub(crate) at: At,
    pub(crate) pod: &'a PodName,
    pub(crate) ready: bool,
    pub(crate) detail: &'a str,
}

/// A piece of a client's work that was tried on one pod.
#[derive(Debug)]
pub(crate) struct Trial<'a> {
    pub(crate) at: At,
    pub(crate) pod: &'a PodName,
    pub(crate) ok: bool,
    pub(crate) detail: &'a str,
}

/// Something that was left when everything was over.
#[derive(Debug)]
pub(crate) struct Leftover<'a> {
    pub(crate) at: At,
    pub(crate) pod: Option<&'a PodName>,
    pub(crate) what: &'a str,
    pub(crate) count: u64,
}

/// A line that a pod logged at WARN or ERROR.
#[derive(Debug)]
pub(crate) struct Complaint<'a> {
    pub(crate) at: At,
    pub(crate) pod: &'a PodName,
    pub(crate) level: &'a str,
    pub(crate) line: &'a str,
}

/// A container that ended, as the engine reported it.
#[derive(Debug)]
pub(crate) struct Death<'a> {
    pub(crate) at: At,
    pub(crate) service: &'a str,
    pub(crate) exit_code: Option<i64>,
}

/// A row's change, in commit order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) at: At,
    pub(crate) xid: u64,
    pub(crate) row: &'a Row,
}

/// A thread as a pod's API returned it.
#[derive(Debug)]
pub(crate) struct Read<'a> {
    pub(crate) at: At,
    pub(crate) pod: &'a PodName,
    pub(crate) thread: usize,
    /// The turn asked for, where turns are read one at a time.
    pub(crate) turn: Option<&'a TurnId>,
    /// The user's messages, where they can be read.
    pub(crate) questions: Option<&'a [ReadQuestion]>,
    pub(crate) answers: &'a [ReadAnswer],
}

/// The status of one turn as a pod's API returned it.
#[derive(Debug)]
pub(crate) struct StatusRead<'a> {
    pub(crate) at: At,
    pub(crate) pod: &'a PodName,
    /// Place of the thread.
    pub(crate) thread: usize,
    /// Place of the turn.
    pub(crate) turn: usize,
    pub(crate) status: Status,
    pub(crate) error: Option<&'a str>,
}

/// A status read right after a watcher was shown the terminal.
#[derive(Debug)]
pub(crate) struct Probe<'a> {
    pub(crate) at: At,
    pub(crate) watcher: WatcherId,
    pub(crate) turn: &'a TurnId,
    pub(crate) status: Option<Status>,
}

/// A request that tries a credential.
#[derive(Debug)]
pub(crate) struct Access<'a> {
    pub(crate) at: At,
    pub(crate) pod: &'a PodName,
    pub(crate) credential: Credential,
    pub(crate) thread: usize,
    pub(crate) route: &'a str,
    pub(crate) status: Option<u16>,
    pub(crate) body: &'a str,
}

/// A message that is larger than the system takes.
#[derive(Debug)]
pub(crate) struct LargePost<'a> {
    pub(crate) at: At,
    pub(crate) pod: &'a PodName,
    pub(crate) thread: usize,
    /// Size of its text.
    pub(crate) bytes: u64,
    /// When it was sent, in microseconds since the run began.
    pub(crate) asked_us: u64,
    pub(crate) outcome: &'a Outcome<()>,
}

/// The end of the history.
#[derive(Debug, Default)]
pub(crate) struct Ending<'a> {
    pub(crate) played: Option<(At, Option<&'a str>)>,
    pub(crate) healed: Option<At>,
    pub(crate) quiesced: Option<At>,
    pub(crate) ended: bool,
    pub(crate) harness_failed: Option<&'a str>,
    pub(crate) last: Option<At>,
}
