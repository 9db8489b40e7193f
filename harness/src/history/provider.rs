//! Events of the provider: its own record of its calls.

use serde::{Deserialize, Serialize};

use super::{PodName, TurnKey};

/// Something that the provider saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename = "provider")]
pub struct ProviderEvent {
    /// The call's global ordinal: its identity.
    pub call: u64,
    /// The turn's key.
    pub key: TurnKey,
    /// Ordinal of the call for this key, from 1; the `c` of its tokens.
    pub ordinal: u32,
    /// Pod that called, by the link that the call came through.
    pub pod: Option<PodName>,
    /// The observation.
    pub what: ProviderWhat,
}

/// An observation of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "seen", rename_all = "snake_case")]
pub enum ProviderWhat {
    /// A request came in.
    Started {
        /// The request's messages, oldest first, as `role: text`.
        messages: Vec<String>,
    },
    /// A stream is held at a gate.
    Held {
        /// The gate's name.
        gate: String,
        /// Tokens sent so far.
        after: u32,
    },
    /// The call is over.
    Ended {
        /// Why, in the provider's words: `complete`, `client_gone`, `fault:...`, ...
        cause: String,
        /// Tokens sent.
        tokens: u32,
    },
}
