//! `[[expected]]`: known bugs, and `[[defects]]`: bugs that a pod can be started with.

use crate::system::language::{Expression, Glob};
use crate::system::table::{Filled, table};

table! {
    /// A known bug: one of the promises breaks in stories of that name, with a finding that matches. Once it is kept the run fails,
    /// unless `sometimes` is said.
    pub Expected = "[[expected]]" {
        /// Promises, of which one breaks.
        promises: Filled<String>,
        /// Stories in which it breaks; `*` stands for anything.
        stories: Filled<Glob>,
        /// Regular expression that the finding matches. By default any finding does.
        finding: Option<Expression>,
        /// True: the promise breaks in some runs only.
        sometimes: bool = false,
        /// Why it is broken and borne.
        why: String,
        /// Where more is said: an issue, a date.
        reference as "ref": Option<String>,
    }
}

table! {
    /// A defect that a pod can be started with, for proof that it is caught.
    pub Defect = "[[defects]]" {
        /// Its name.
        name: String,
        /// Promises that it breaks; any of them names it.
        promises: Filled<String>,
    }
}
