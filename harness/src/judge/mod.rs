//! The judge: one file for each promise, and the verdict that they make together.
//!
//! It is the last step before a report, and a pure function of the saved history: no clock, socket, file or
//! randomness, so that a better judge can judge an old run again. A promise that needs something that the system
//! cannot do is reported as not applicable. Deliberately absent: stories; every promise is judged on every run.

mod facts;
mod needs;
mod policy;
mod promises;
mod registry;
mod view;

#[cfg(test)]
mod strangers;
#[cfg(test)]
pub(crate) mod testing;

pub use needs::{Clause, Need};
pub use policy::judge;
pub use registry::PROMISES;

use view::{Breach, View};

/// A promise of the system to its clients, and the function that holds a history against it.
#[derive(Debug)]
pub struct Promise {
    /// Its number in the list of promises.
    pub number: u32,
    /// Its name, as reports and the track record use it.
    pub name: &'static str,
    /// Its precise wording.
    pub statement: &'static str,
    /// Needs without which it is not judged at all.
    pub needs: &'static [Need],
    /// Clauses that need more than that.
    pub clauses: &'static [Clause],
    /// True if it says more than its clauses do: without all of them it is still judged.
    pub has_more: bool,
    /// Returns every breach, the first one of each subject.
    judge: fn(&View<'_>) -> Vec<Breach>,
}
