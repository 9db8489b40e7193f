//! The events of a history and their shapes. This is the format of `history.jsonl`: change it only with [`SCHEMA`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Chunk, Cursor, Epoch, EventId, FaultEvent, FeedbackId, MessageId, OpId, Outcome, PodName, ProviderEvent, Raw,
    ReadAnswer, Row, SessionNo, Status, TailEnd, TenantId, ThreadId, TurnId, TurnKey, WatcherId,
};

/// Version of the history's format.
pub const SCHEMA: u32 = 5;

/// One thing that happened, as the harness saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Position in the history, from 0, without gaps.
    pub n: u64,
    /// Microseconds since the run began, by the harness's one monotonic clock.
    pub at_us: u64,
    /// What happened.
    pub what: What,
}

/// Everything that can happen. Grouped by the source that tells it. A history has many of few kinds: what is large and
/// rare is boxed, so that the others do not pay for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// First event of every history: what is played, against what, and by which bounds it is judged.
    Began(Box<Began>),

    // --- what the workload asked, and what came of it
    /// A thread was made for a tenant.
    ThreadMade {
        /// The new thread.
        thread: ThreadId,
        /// Its owner.
        tenant: TenantId,
    },
    /// A message is about to be posted. The same message id may be posted more than once.
    Posted {
        /// Ties this to its [`What::PostEnded`].
        op: OpId,
        /// Pod that the request was sent to.
        pod: PodName,
        /// Thread it was posted to.
        thread: ThreadId,
        /// The client's id of the message.
        message: MessageId,
        /// The user's text, with the provider's hints in it.
        text: String,
        /// What the provider was told to answer.
        expect: Box<Expect>,
    },
    /// A post was answered, refused or given up.
    PostEnded {
        /// The post.
        op: OpId,
        /// What is known of it.
        outcome: Outcome<Accepted>,
    },
    /// Somebody cancelled a turn through a pod.
    Cancelled {
        /// Pod that the request was sent to.
        pod: PodName,
        /// Thread whose turn was to stop.
        thread: ThreadId,
        /// Status of the answer.
        outcome: Outcome<()>,
    },
    /// One request made to see whether a credential is honoured: after a revocation, or for another tenant's thread.
    Access {
        /// Pod asked.
        pod: PodName,
        /// Whose credential was shown.
        credential: Credential,
        /// Thread asked for.
        thread: ThreadId,
        /// `attach`, `read`, `post` or `cancel`.
        route: String,
        /// HTTP status of the answer; none where the request got no answer.
        status: Option<u16>,
        /// First bytes of the answer's body, cut to a readable length.
        body: String,
    },
    /// A session or key was revoked; from here on the bound for its refusal on every pod runs.
    Revoked {
        /// Tenant whose credential it was.
        tenant: TenantId,
        /// Pod that took the revocation.
        pod: PodName,
        /// Which session it was; none in histories of schema 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionNo>,
    },

    /// A piece of feedback is about to be posted. The same item may be posted more than once.
    FeedbackPosted {
        /// Ties this to its [`What::FeedbackEnded`].
        op: OpId,
        /// Pod that the request was sent to.
        pod: PodName,
        /// The client's id of it.
        item: FeedbackId,
    },
    /// A post of feedback was acknowledged, refused or given up.
    FeedbackEnded {
        /// The post.
        op: OpId,
        /// What is known of it.
        outcome: Outcome<()>,
    },
    /// How many pieces of feedback of the play's tenant are stored, by a pod's word.
    FeedbackCounted {
        /// Pod asked.
        pod: PodName,
        /// Its answer.
        count: u64,
    },

    // --- what a watcher saw
    /// A watcher's attach was answered with a stream. Bytes follow.
    TailOpened {
        /// The watcher.
        watcher: WatcherId,
        /// Pod attached to.
        pod: PodName,
        /// Thread watched.
        thread: ThreadId,
        /// Cursor given as `Last-Event-ID`, if any.
        cursor: Option<String>,
        /// Why the story opened it: `start`, `middle`, `late`, ... Shown in reports.
        role: String,
        /// When the request was sent, in microseconds since the run began.
        asked_us: u64,
        /// Which session it showed; none in histories of schema 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionNo>,
    },
    /// A watcher's attach was refused or not answered.
    TailRefused {
        /// The watcher.
        watcher: WatcherId,
        /// Pod attached to.
        pod: PodName,
        /// Thread watched.
        thread: ThreadId,
        /// HTTP status; none where there was no answer.
        status: Option<u16>,
        /// What was seen.
        reason: String,
        /// Whether what came is nonsense: neither a stream nor a refusal (4xx, 5xx), or not HTTP.
        #[serde(default)]
        garbled: bool,
    },
    /// Raw bytes of one read from a tail, before any parsing.
    Bytes {
        /// The watcher.
        watcher: WatcherId,
        /// The bytes.
        raw: Raw,
    },
    /// One whole SSE event of a tail, as the parser found it in the bytes before it and the target's format reads it.
    Frame {
        /// The watcher.
        watcher: WatcherId,
        /// The event's own `id:` line as it stands, where it has one.
        id: Option<EventId>,
        /// That id read as a cursor, where the target's format can.
        cursor: Option<Cursor>,
        /// What the event says.
        chunk: Chunk,
    },
    /// A tail ended.
    TailClosed {
        /// The watcher.
        watcher: WatcherId,
        /// How.
        end: TailEnd,
    },

    // --- what the stores hold
    /// A row changed, by a committed transaction, told in commit order.
    Row {
        /// Position of the change in the database's log, as it prints it; a remark.
        lsn: Box<str>,
        /// Transaction; changes of one transaction are told together.
        xid: u64,
        /// The row as it is after the change.
        row: Row,
    },
    /// A message came to be in the stream log, told in the log's order: a frame as it is stored for every tail of its thread.
    /// It was stored some time before, and is told once; one that was cleared away before it was read is not told.
    Logged {
        /// The thread whose log it is in.
        thread: ThreadId,
        /// Its place in the log, from 1, as far as 32 bits count; messages of other threads lie between those of one.
        seq: u32,
        /// The id under which clients are shown the frame, as a cursor, where the message carries one that can be read.
        cursor: Option<Cursor>,
        /// What the frame says.
        chunk: Chunk,
    },
    /// The database was asked for a turn's status right after a watcher had been shown its terminal.
    TerminalProbe {
        /// Watcher that was shown the terminal.
        watcher: WatcherId,
        /// Turn asked for.
        turn: TurnId,
        /// Status in the database at that moment; none where there was no such row.
        status: Option<Status>,
    },
    /// A thread read through a pod's API.
    ThreadRead {
        /// Pod asked.
        pod: PodName,
        /// Thread asked for.
        thread: ThreadId,
        /// Status of the thread as the pod tells it.
        status: Status,
        /// The answers it holds, oldest first.
        answers: Vec<ReadAnswer>,
    },
    /// The owner of a thread as read from the database to aim a fault.
    OwnerRead {
        /// Thread asked for.
        thread: ThreadId,
        /// Owner, where it has one.
        owner: Option<PodName>,
        /// Its epoch.
        epoch: Epoch,
        /// Its status.
        status: Status,
    },

    // --- what the provider says
    /// The provider's journal, as it grows.
    Provider(ProviderEvent),

    // --- what was broken and mended
    /// A fault's life.
    Fault(Box<FaultEvent>),
    /// The engine reported something about a container.
    Engine {
        /// Pod or dependency.
        service: String,
        /// The engine's own word: `die`, `start`, `pause`, ...
        action: String,
        /// Exit code, where it says one.
        exit_code: Option<i64>,
    },
    /// A pod was asked whether it can serve.
    ReadyPolled {
        /// The pod.
        pod: PodName,
        /// Whether it said that it can.
        ready: bool,
        /// HTTP status of the answer; none where there was none.
        status: Option<u16>,
        /// First bytes of the answer's body, or what was seen instead of an answer.
        detail: String,
    },
    /// A small piece of a client's work was tried on one pod: what a pod that says that it is ready must be able to do.
    Served {
        /// The pod.
        pod: PodName,
        /// Whether the whole of it was done.
        ok: bool,
        /// What was tried, and what went wrong if something did.
        detail: String,
    },
    /// Counted after everything was over: what is left of something that the play made the system open or start.
    LeftAfter {
        /// Where it was counted; none for what belongs to no one pod.
        pod: Option<PodName>,
        /// What was counted: `open tails`, `running turns`, `consumers`, ...
        what: String,
        /// How many there are, over what was there before the play.
        count: u64,
    },
    /// A pod logged a line at a level that a healthy pod does not use (WARN or ERROR).
    LogLine {
        /// The pod.
        pod: PodName,
        /// `WARN` or `ERROR`.
        level: String,
        /// The line.
        line: String,
    },

    /// Threads of parts, or the harness itself, could have run and waited for a processor instead.
    Starved {
        /// Length of the time that is told of, which ends now, in microseconds.
        over_us: u64,
        /// For each part how long the thread of it waited that waited longest, in microseconds; `harness` is the harness
        /// itself. One that hardly waited is not told.
        waited_us: BTreeMap<String, u64>,
    },

    // --- what the story says
    /// A mark that the story needs for its verdict to mean anything.
    Evidence {
        /// The mark.
        mark: String,
        /// Whether it was reached.
        reached: bool,
    },
    /// All faults are healed and every pod was seen healthy.
    Healed,
    /// The story's play is over: nothing more is asked of the system but what the judge needs.
    Played {
        /// What the story was waiting for when it gave up, if it did.
        gave_up: Option<String>,
    },
    /// The final state of every store has been read; nothing follows but [`What::Ended`].
    Quiesced,
    /// Last event of a whole history. A history without it was cut off.
    Ended,
    /// The harness itself failed to set up, heal or record: the run proves nothing.
    HarnessFailed {
        /// What failed.
        reason: String,
    },
}

/// What is played, and the bounds that it is judged by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Began {
    /// [`SCHEMA`] of the writer.
    pub schema: u32,
    /// Story's name.
    pub story: String,
    /// Seed of its plan.
    pub seed: u64,
    /// Inside design of the target (`log`, `outbox`, `sticky`).
    pub design: String,
    /// Defect that is switched on in the target, if any.
    pub defect: Option<String>,
    /// Evidence that the story promises to reach.
    pub evidence: Vec<String>,
    /// Promises that the target is known to break in this story.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected_failures: Vec<ExpectedFailure>,
    /// What the target can do; promises that need more are not applicable.
    pub capabilities: Vec<Capability>,
    /// The target's bounds.
    pub bounds: Bounds,
}

/// A promise that a target is known to break in a story: told as such where it does, and a failure where it no longer does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedFailure {
    /// The promise.
    pub promise: String,
    /// Why it is broken and borne: an issue, a decision.
    pub why: String,
}

/// What a target can do, and thereby which promises apply to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Owner and epoch of a thread can be read.
    Ownership,
    /// Every committed change of a row is in the history, not a sample of them.
    EveryCommit,
    /// Event ids are cursors that a tail can resume from.
    Cursor,
    /// Threads belong to tenants.
    Tenants,
    /// A turn can be cancelled.
    Cancel,
    /// The provider tells its journal.
    ProviderJournal,
    /// It takes feedback, which may be stored some time after it is acknowledged.
    Feedback,
}

/// The target's own bounds, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// An owner that gave no sign of life for so long is presumed dead.
    pub lease_ms: u64,
    /// From an owner's death to the first new token or an explicit failure.
    pub takeover_ms: u64,
    /// A turn without progress for so long is ended or taken over.
    pub progress_ms: u64,
    /// A pod told to stop is gone after so long.
    pub drain_ms: u64,
    /// From a committed terminal to every watcher having seen it.
    pub terminal_ms: u64,
    /// From a revocation to its refusal on every pod.
    pub revocation_ms: u64,
}

/// What the provider was told to answer to a message: the oracle of a turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expect {
    /// Key that the provider counts calls by.
    pub key: TurnKey,
    /// Tokens in the answer.
    pub tokens: u32,
    /// Least size of a token in bytes; 0 for its natural size.
    pub size: usize,
    /// Whether the provider was told to fail every attempt, so that the turn must end as failed.
    pub fails: bool,
}

/// What an accepted post was answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The turn that answers the message.
    pub turn: TurnId,
    /// Pod that answered, by its own word.
    pub pod: PodName,
}

/// Whose credential a request shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// The thread's own tenant, in good standing.
    Owner,
    /// Another tenant's, in good standing.
    Foreign,
    /// The thread's own tenant's, revoked before the request.
    Revoked,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_small_since_a_history_has_many() {
        assert!(size_of::<Event>() <= 112, "{} bytes", size_of::<Event>());
    }
}
