//! Checks over several tables: names that must be known, keys that need each other, literals that look like secrets.
//!
//! A check reads what it needs from the tree by itself, so that a mistake in one table hides none in another.

mod edge;
mod judged;
mod look;
mod names;
mod parts;
mod secrets;
mod stores;
pub mod surroundings;
mod talk;
pub(crate) mod timings;

use surroundings::Surroundings;

use super::table::{Node, Problem};

/// Notes every mistake between tables of a description.
pub(crate) fn check(tree: &Node, around: &Surroundings<'_>, found: &mut Vec<Problem>) {
    parts::check(tree, around, found);
    edge::check(tree, around, found);
    names::check(tree, around, found);
    talk::check(tree, found);
    stores::check(tree, found);
    timings::check(tree, found);
    judged::check(tree, around, found);
    secrets::check(tree, found);
}
