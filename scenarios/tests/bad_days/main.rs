//! Bad input and bad days, through the command itself: what a person is told, with which exit code, how soon, and that
//! nothing stays behind.
//!
//! Every test runs the built `crosspod` as a shell would. A test has a cache folder of its own, whose path everything
//! that its runs bring up carries as a label: so it looks for its own remains and for nobody else's. Tests that use the
//! engine take turns. Deliberately absent: anything that a story can show on a cluster that is well.

mod built;
mod bystanders;
mod command;
mod home;
mod kept;
mod killed;
mod neighbours;
mod recheck;
mod set_up;
mod signals;
mod usage;
