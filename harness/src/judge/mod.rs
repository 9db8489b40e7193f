//! The judges: each promise in a file of its own, named for it, and the verdict that they make together.
//!
//! The last step before a report, and a pure function of the saved history: no clock, socket, file or randomness, so
//! that a run can be judged again a year later by a mended judge. A promise that needs something the target cannot do is
//! named as not applicable. Deliberately absent: stories; every promise is judged on every run, whatever it was about.

mod facts;
mod policy;
mod promises;
mod registry;
mod view;

#[cfg(test)]
pub(crate) mod testing;

pub use policy::judge;
pub use registry::PROMISES;

use crate::history::Capability;
use view::{Breach, View};

/// One thing that a service promises its clients, and how a history is held against it.
#[derive(Debug)]
pub struct Promise {
    /// Its number in the list of promises.
    pub number: u32,
    /// Its name, as reports and the track record use it.
    pub name: &'static str,
    /// What it says, precisely.
    pub statement: &'static str,
    /// What a target must be able to do for it to be judged.
    pub needs: &'static [Capability],
    /// Tells every breach, the first one of each subject.
    judge: fn(&View<'_>) -> Vec<Breach>,
}
