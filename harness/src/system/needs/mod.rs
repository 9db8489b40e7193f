//! What a system can be judged by: capabilities derived from its description, never declared.
//!
//! A story, a fault and a promise each state what they need; [`available`] decides for all three, and [`Why`] names what is missing and the
//! key that would say it.

mod capabilities;
mod need;
mod played;
mod why;

pub use capabilities::has;
pub use need::{Need, available};
pub use played::{DriverPowers, Played, Power};
pub use why::Why;

#[cfg(test)]
mod tests;
