//! The first event of a history: the play, and the bounds that it is judged by.

use serde::{Deserialize, Serialize};

/// The play, and the bounds that it is judged by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Began {
    /// Version of the format, as its writer knew it.
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
    /// Capabilities of the system; promises that need more are not applicable.
    pub capabilities: Vec<Capability>,
    /// The system's bounds.
    pub bounds: Bounds,
}

/// A promise that the system is known to break in a story. It is reported as expected if broken, and fails the
/// run once it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedFailure {
    /// The promise.
    pub promise: String,
    /// Why it is broken and borne: an issue, a decision.
    pub why: String,
}

/// A capability of the system; promises need some of them.
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

/// The system's own bounds, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// An owner without a sign of life for so long is presumed dead.
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
