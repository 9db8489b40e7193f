//! The reasons why a play ends early.

use crate::nemesis::{NemesisError, NoHold};
use crate::roles::provider::ProviderError;
use crate::wait::Expired;
use crate::workload::ApiError;

/// How a play ended. The promises judge the history either way.
pub type Played = Result<(), Stopped>;

/// Why a play ended early.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The system under test did not do what the story waits for. The judge says what that means.
    #[error("{0}")]
    GaveUp(String),
    /// The harness could not do its own part: the run proves nothing.
    #[error("{0}")]
    Harness(String),
}

/// Why a play did not begin.
#[derive(Debug, thiserror::Error)]
pub(in crate::run) enum Unset {
    /// A pod failed, by its own word, what every client asks first.
    #[error(transparent)]
    ByPod(ApiError),
    /// The harness could not do its own part, or the description of the system is wrong.
    #[error("{0}")]
    Harness(String),
}

impl From<String> for Unset {
    fn from(reason: String) -> Self {
        Self::Harness(reason)
    }
}

impl From<ApiError> for Unset {
    fn from(error: ApiError) -> Self {
        if error.is_the_pods() {
            Self::ByPod(error)
        } else {
            Self::Harness(error.to_string())
        }
    }
}

impl From<Expired> for Stopped {
    fn from(expired: Expired) -> Self {
        Self::GaveUp(expired.to_string())
    }
}

impl From<NemesisError> for Stopped {
    fn from(error: NemesisError) -> Self {
        match error {
            unused @ NemesisError::NoTraffic { .. } => Self::GaveUp(unused.to_string()),
            broken => Self::Harness(broken.to_string()),
        }
    }
}

impl From<NoHold> for Stopped {
    fn from(error: NoHold) -> Self {
        match error {
            NoHold::Expired(expired) => expired.into(),
            NoHold::Nemesis(error) => error.into(),
        }
    }
}

impl From<ProviderError> for Stopped {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Expired(expired) => expired.into(),
            refused @ ProviderError::Refused { .. } => Self::Harness(refused.to_string()),
        }
    }
}
