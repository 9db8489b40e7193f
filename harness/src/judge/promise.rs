//! A promise: its wording, its needs, its clauses, and the function that holds a history against it.

use super::view::{Breach, View};
use crate::history::{Bound, Capability};

/// Something that a system must have or promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The system has it.
    Can(Capability),
    /// The system promises this bound.
    Within(Bound),
    /// The system promises how little a pod without work uses of a CPU.
    IdleCpu,
    /// The run played rounds of turns, and what each pod's process holds was read behind each.
    Rounds,
}

/// A clause of a promise that needs more than the promise itself.
#[derive(Debug)]
pub struct Clause {
    /// The clause, in a few words.
    pub name: &'static str,
    /// Needs of this clause alone.
    pub needs: &'static [Need],
}

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
    pub(super) judge: fn(&View<'_>) -> Vec<Breach>,
}
