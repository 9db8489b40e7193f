//! Outcomes of requests, as far as they are known once the client has stopped waiting.

use serde::{Deserialize, Serialize};

/// How a request ended. A judge must allow both worlds for [`Outcome::Unknown`]: it took effect, or it did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome<T> {
    /// The service said yes.
    Ok(T),
    /// The service said no: it took no effect.
    Failed {
        /// HTTP status of the refusal.
        status: u16,
        /// The service's answer, cut to a readable length.
        reason: String,
    },
    /// Time-out, reset or cut answer: nobody can tell.
    Unknown {
        /// The observation instead of an answer.
        reason: String,
    },
}

impl<T> Outcome<T> {
    /// The value, where the service said yes.
    pub fn ok(&self) -> Option<&T> {
        match self {
            Self::Ok(value) => Some(value),
            Self::Failed { .. } | Self::Unknown { .. } => None,
        }
    }
}
