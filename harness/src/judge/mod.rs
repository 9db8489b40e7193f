//! The judge: one file for each promise, and the verdict that they make together.
//!
//! It is the last step before a report, and a pure function of the saved history: no clock, socket, file or
//! randomness, so that a better judge can judge an old run again. A promise that needs something that the system
//! cannot do is reported as not applicable. Deliberately absent: stories; every promise is judged on every run.

mod facts;
mod needs;
mod policy;
mod promise;
mod promises;
mod registry;
mod view;

#[cfg(test)]
mod strangers;
#[cfg(test)]
pub(crate) mod testing;

pub use needs::Offer;
pub use policy::judge;
pub use promise::{Clause, Need, Promise};
pub use registry::PROMISES;
