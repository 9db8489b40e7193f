//! The system's bounds as the judge reckons with them: one that the system does not promise is never over.

use crate::history::Bounds;

/// A bound that nothing outlasts, in milliseconds: 31 years. A few of them add up without overflow.
const NEVER_MS: u64 = 1_000_000_000_000;

/// The system's bounds, in milliseconds.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "the unit comes last, as everywhere")]
pub(crate) struct Limits {
    pub(crate) lease_ms: u64,
    pub(crate) takeover_ms: u64,
    pub(crate) pickup_ms: u64,
    pub(crate) progress_ms: u64,
    pub(crate) drain_ms: u64,
    pub(crate) terminal_ms: u64,
    pub(crate) revocation_ms: u64,
}

impl Limits {
    pub(crate) fn of(bounds: &Bounds) -> Self {
        let of = |bound: Option<u64>| bound.unwrap_or(NEVER_MS);
        Self {
            lease_ms: of(bounds.lease_ms),
            takeover_ms: of(bounds.takeover_ms),
            pickup_ms: bounds.pickup_ms.unwrap_or(0),
            progress_ms: of(bounds.progress_ms),
            drain_ms: of(bounds.drain_ms),
            terminal_ms: of(bounds.terminal_ms),
            revocation_ms: of(bounds.revocation_ms),
        }
    }
}
