//! A value of the description, with the reason that stands beside it.

use std::fmt::Display;

/// A value that init writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Guess<T> {
    /// The value.
    pub(super) value: T,
    /// The comment beside it: `guess: ...` if it was inferred, `from ...` if the compose file says it.
    pub(super) why: String,
}

impl<T> Guess<T> {
    /// A value that was inferred.
    pub(super) fn inferred(value: T, reason: impl Display) -> Self {
        let why = format!("guess: {reason}");
        Self { value, why }
    }

    /// A value that the compose file says.
    pub(super) fn said(value: T, place: impl Display) -> Self {
        let why = format!("from {place}");
        Self { value, why }
    }
}
