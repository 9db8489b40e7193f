//! The first event of a history: the play, the system that it was played on, and the bounds that it is judged by.

use serde::{Deserialize, Serialize};

use super::{EdgeRules, PodName};

/// The play, the system that it was played on, and the bounds that it is judged by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Began {
    /// Version of the format. A history of an older one is brought to the newest as it is read, and says so here.
    pub schema: u32,
    /// Story's name.
    pub story: String,
    /// Seed of its plan.
    pub seed: u64,
    /// Inner design of the system (`log`, `outbox`, `sticky`).
    pub design: String,
    /// Defect that is switched on in the system, if any.
    pub defect: Option<String>,
    /// Evidence that the story promises to reach.
    pub evidence: Vec<String>,
    /// Promises that the system is known to break in this story.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected_failures: Vec<ExpectedFailure>,
    /// The system's pods. Empty in histories before schema 6, which name them where they occur.
    pub pods: Vec<PodName>,
    /// Capabilities of the system; promises and clauses that need more are not judged.
    pub capabilities: Vec<Capability>,
    /// Why the system lacks a capability. One that is neither here nor in `capabilities` is lacking without a known reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<Lack>,
    /// The system's bounds.
    pub bounds: Bounds,
    /// The rules of the system that promises go by.
    pub rules: Rules,
}

/// Rules of the system that promises go by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// How often the client of the provider calls again, within one attempt, where no byte of an answer came.
    #[serde(skip_serializing_if = "is_zero")]
    pub client_retries: u32,
    /// Course of a turn whose owner died. `None` if the system has no owners.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_death: Option<OnDeath>,
    /// True if a turn's row keeps the last owner after the turn's end.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub owner_is_kept: bool,
    /// True if a turn that was stopped ends as completed: the system has no other word for it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stopped_is_completed: bool,
    /// True if the pods' client of the provider takes every answer that the format allows.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub takes_odd_answers: bool,
    /// How many pods one service became; 1 if each pod is a service of its own.
    #[serde(skip_serializing_if = "is_zero")]
    pub copies: u32,
    /// The largest body of a message, and how a larger one is refused. `None` if the system states none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_limit: Option<BodyLimit>,
    /// Kinds of frames that open and close a text. `None` if the system names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub texts: Option<TextFrames>,
    /// Parts that a pod must reach to be ready. `None` if every part counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_needs: Option<Vec<String>>,
    /// Pods that the system's own supervisor starts again when they end (`restart:` of a compose file).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub restarted: Vec<PodName>,
    /// The edge before the pods. `None` if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edge: Option<EdgeRules>,
}

/// The largest body of a message, and how a larger one is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyLimit {
    /// Size of the largest body that is taken, in bytes.
    pub bytes: u64,
    /// HTTP status of the refusal.
    pub status: u16,
}

/// Kinds of frames that open and close a text, by the names of the stream's format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextFrames {
    /// Those that open one.
    pub opens: Vec<String>,
    /// Those that close one.
    pub closes: Vec<String>,
}

/// True for a count that is left out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference to a field")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Course of a turn whose owner died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnDeath {
    /// Another pod takes the turn over.
    Survivor,
    /// The owner itself, once it is started again.
    Restart,
    /// Nobody: the turn fails where a person can read it.
    Fails,
    /// Nobody, and nothing is promised about the turn.
    Nothing,
}

/// A promise that the system is known to break in a story. It is reported as expected if broken, and fails the
/// run once it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedFailure {
    /// The promise.
    pub promise: String,
    /// Regular expression that the finding's expectation or observation must match. `None` if any finding is expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// True if the promise is broken in some runs only: a run that keeps it passes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sometimes: bool,
    /// Why it is broken and borne: an issue, a decision.
    pub why: String,
}

/// A capability of the system; promises and their clauses need some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Several turns can belong to one thread.
    Threads,
    /// A thread runs one turn at a time: the next waits or is refused.
    Serial,
    /// A turn that comes while another one of its thread runs waits for its end.
    Queue,
    /// The same message sent twice is one turn.
    Idempotent,
    /// A message whose body is larger than the system takes is refused with a status that it states.
    BodyLimit,
    /// A turn can be cancelled.
    Cancel,
    /// The answers of a thread or turn can be read through each pod.
    Read,
    /// The user's messages can be read back through each pod.
    Questions,

    /// Event ids are cursors that a tail can resume from.
    Cursor,
    /// The cursors of a stream leave no number out.
    Dense,
    /// A tail can be opened that is shown only what comes.
    Live,
    /// A tail shows a thread, one turn after the other.
    ThreadTail,
    /// A tail of a thread that is asked for without a cursor shows no turn that was over before.
    SkipsFinished,
    /// A frame tells a client to start over where a cursor cannot be honoured.
    Resync,
    /// A frame tells a client that the pod goes while the turn goes on.
    Handover,
    /// Frames name their turn. Without it a frame's turn is that of the attach.
    FrameTurn,
    /// The start of an answer names the message that a client shows it as.
    MessageIds,
    /// Every kind of frame is known: another one is an error of the system.
    KnownKinds,
    /// Frames open and close each text of an answer.
    TextsClosed,
    /// The content of a stream can be read from a log.
    StreamLog,

    /// The owner of a turn or thread can be read.
    Owner,
    /// Each claim of a turn changes a value beside the owner.
    Attempt,
    /// Claims raise an epoch over the whole thread; rows and frames carry it.
    Epoch,
    /// Every committed change of a row is in the history, not a sample of them.
    EveryCommit,
    /// Rows hold the text of answers.
    StoredText,

    /// Threads belong to tenants, and there is a second tenant to try.
    Tenants,
    /// A sign-in can be revoked.
    Revocation,
    /// The provider tells its journal.
    ProviderJournal,
    /// The model is shown the thread's earlier turns.
    Conversation,
    /// The system takes feedback, which may be stored some time after it is acknowledged.
    Feedback,
    /// Pods say whether they can serve.
    Ready,
    /// Lines of the pods' logs that a healthy pod does not write are known.
    Complaint,
    /// Pods count what is open: tails, running turns.
    Gauges,
    /// Clients reach the pods through an edge that pins them.
    Edge,
    /// The answer to a post says that its session had to be built, and for how long a session is kept is known.
    ColdStart,
}

impl Capability {
    /// Every capability, in its order.
    pub const ALL: [Self; 35] = [
        Self::Threads,
        Self::Serial,
        Self::Queue,
        Self::Idempotent,
        Self::BodyLimit,
        Self::Cancel,
        Self::Read,
        Self::Questions,
        Self::Cursor,
        Self::Dense,
        Self::Live,
        Self::ThreadTail,
        Self::SkipsFinished,
        Self::Resync,
        Self::Handover,
        Self::FrameTurn,
        Self::MessageIds,
        Self::KnownKinds,
        Self::TextsClosed,
        Self::StreamLog,
        Self::Owner,
        Self::Attempt,
        Self::Epoch,
        Self::EveryCommit,
        Self::StoredText,
        Self::Tenants,
        Self::Revocation,
        Self::ProviderJournal,
        Self::Conversation,
        Self::Feedback,
        Self::Ready,
        Self::Complaint,
        Self::Gauges,
        Self::Edge,
        Self::ColdStart,
    ];
}

/// A capability that the system lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lack {
    /// The capability.
    pub capability: Capability,
    /// The missing thing, and the key of the description that would say it.
    pub why: String,
}

/// The system's own bounds, in milliseconds where nothing else is said. `None` is a bound that the system does not promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Bounds {
    /// An owner without a sign of life for so long is presumed dead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<u64>,
    /// From an owner's death to the first new token or an explicit failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takeover_ms: Option<u64>,
    /// Longest that an acknowledged turn waits unclaimed, every way back included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pickup_ms: Option<u64>,
    /// A turn without progress for so long is ended or taken over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress_ms: Option<u64>,
    /// A turn that takes longer altogether is ended, also while it moves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_ms: Option<u64>,
    /// A pod told to stop is gone after so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_ms: Option<u64>,
    /// From a committed terminal to every watcher having seen it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal_ms: Option<u64>,
    /// From a word of the provider to its showing on every open tail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown_ms: Option<u64>,
    /// From a word of the provider to its row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_ms: Option<u64>,
    /// From a revocation to its refusal on every pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation_ms: Option<u64>,
    /// Longest silence of an open stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silence_ms: Option<u64>,
    /// Most attempts of a turn; deaths count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// Greatest share of one CPU that a pod without work uses, in thousandths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_cpu_permille: Option<u32>,
}

/// One bound, by its name in a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bound {
    /// [`Bounds::lease_ms`].
    Lease,
    /// [`Bounds::takeover_ms`].
    Takeover,
    /// [`Bounds::pickup_ms`].
    Pickup,
    /// [`Bounds::progress_ms`].
    Progress,
    /// [`Bounds::turn_ms`].
    Turn,
    /// [`Bounds::drain_ms`].
    Drain,
    /// [`Bounds::terminal_ms`].
    Terminal,
    /// [`Bounds::shown_ms`].
    Shown,
    /// [`Bounds::stored_ms`].
    Stored,
    /// [`Bounds::revocation_ms`].
    Revocation,
    /// [`Bounds::silence_ms`].
    Silence,
}

impl Bound {
    /// Its name in a description.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lease => "lease",
            Self::Takeover => "takeover",
            Self::Pickup => "pickup",
            Self::Progress => "progress",
            Self::Turn => "turn",
            Self::Drain => "drain",
            Self::Terminal => "terminal",
            Self::Shown => "shown",
            Self::Stored => "stored",
            Self::Revocation => "revocation",
            Self::Silence => "silence",
        }
    }
}

impl Bounds {
    /// A bound of time, in milliseconds, if the system promises it.
    pub fn of(&self, bound: Bound) -> Option<u64> {
        match bound {
            Bound::Lease => self.lease_ms,
            Bound::Takeover => self.takeover_ms,
            Bound::Pickup => self.pickup_ms,
            Bound::Progress => self.progress_ms,
            Bound::Turn => self.turn_ms,
            Bound::Drain => self.drain_ms,
            Bound::Terminal => self.terminal_ms,
            Bound::Shown => self.shown_ms,
            Bound::Stored => self.stored_ms,
            Bound::Revocation => self.revocation_ms,
            Bound::Silence => self.silence_ms,
        }
    }

    /// Every bound of time, in milliseconds, that the system promises.
    pub fn times_ms(&self) -> impl Iterator<Item = u64> {
        let all = [
            Bound::Lease,
            Bound::Takeover,
            Bound::Pickup,
            Bound::Progress,
            Bound::Turn,
            Bound::Drain,
            Bound::Terminal,
            Bound::Shown,
            Bound::Stored,
            Bound::Revocation,
            Bound::Silence,
        ];
        let bounds = *self;
        all.into_iter().filter_map(move |bound| bounds.of(bound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_capability_is_listed_in_its_place() {
        for (place, capability) in Capability::ALL.into_iter().enumerate() {
            assert_eq!(capability as usize, place, "{capability:?}");
        }
        assert_eq!(
            Capability::ALL.last(),
            Some(&Capability::ColdStart),
            "the last of the enum"
        );
    }
}
