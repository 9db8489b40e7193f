//! The system's description as a story goes by it: how long something may take, and whether something can be awaited at all.

use std::time::Duration;

use super::Cast;
use crate::history::{Bound, Capability};
use crate::system::needs::Need;

/// How much longer than a bound a story waits for what should be there by then.
const BEYOND: Duration = Duration::from_secs(6);

/// True for a status by which a pod says that it can do what it is asked about.
pub(in crate::run) fn is_yes(status: u16) -> bool {
    (200..300).contains(&status)
}

impl Cast {
    /// The time that the system promises for something; a time that is long for anything if it promises none.
    pub fn bound(&self, bound: Bound) -> Duration {
        self.slot.api.system().within(bound)
    }

    /// How long a story waits for something that the system promises within a bound.
    pub fn patience(&self, bound: Bound) -> Duration {
        self.bound(bound) + BEYOND
    }

    /// Most attempts of a turn that the system promises, if it promises that.
    pub fn attempts_max(&self) -> Option<u32> {
        self.slot.api.system().bounds().attempts
    }

    /// True if the system meets these needs. A story asks for what it does in addition; what it cannot do without is its own need.
    pub fn can(&self, needs: &[Need]) -> bool {
        self.slot.api.system().available(needs).is_ok()
    }

    /// True if the pods take every answer of the provider that the format allows.
    pub fn takes_odd_answers(&self) -> bool {
        self.slot.api.system().description.provider.lenient
    }

    /// True if an owner that was taken over can be seen to act on that: it counts how often it steps down, or what it writes
    /// carries its epoch.
    pub(in crate::run) fn shows_its_loss(&self) -> bool {
        let metrics = self.slot.api.system().description.metrics.as_ref();
        metrics.is_some_and(|metrics| metrics.superseded.is_some()) || self.can(&[Need::Has(Capability::Epoch)])
    }
}
